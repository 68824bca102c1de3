/*
 * The physics of three environments, as Gymnasium computes it: the same formulas in the same order of operations, in double
 * precision. Parameters bear the names of the environment's own attributes.
 * A step takes {state, action} to {state, reward, terminated}; limits of steps are the caller's.
 */

const { sin, cos, atan2, PI } = Math;

function clip(x, low, high) {
  return x < low ? low : x > high ? high : x;
}

/** The observation as the network gets it: rounded to float32. */
function rounded(numbers) {
  return Float32Array.from(numbers);
}

const cartpole = {
  needs: ["gravity", "masspole", "total_mass", "length", "polemass_length", "force_mag", "tau", "kinematics_integrator",
    "theta_threshold_radians", "x_threshold"],
  size: 4,

  fromObs: (obs) => Float64Array.from(obs),
  observe: (state) => rounded(state),

  step(state, action, p) {
    let [x, speed, angle, turn] = state;
    const force = action === 1 ? p.force_mag : -p.force_mag;
    const c = cos(angle);
    const s = sin(angle);
    const push = (force + p.polemass_length * (turn * turn) * s) / p.total_mass;
    const turnRate =
      (p.gravity * s - c * push) / (p.length * (4.0 / 3.0 - (p.masspole * (c * c)) / p.total_mass));
    const speedRate = push - (p.polemass_length * turnRate * c) / p.total_mass;
    if (p.kinematics_integrator === "euler") {
      x = x + p.tau * speed;
      speed = speed + p.tau * speedRate;
      angle = angle + p.tau * turn;
      turn = turn + p.tau * turnRate;
    } else {
      speed = speed + p.tau * speedRate;
      x = x + p.tau * speed;
      turn = turn + p.tau * turnRate;
      angle = angle + p.tau * turn;
    }
    const terminated =
      x < -p.x_threshold || x > p.x_threshold || angle < -p.theta_threshold_radians || angle > p.theta_threshold_radians;
    const reward = p.sutton_barto_reward ? (terminated ? -1 : 0) : 1;
    return { state: Float64Array.of(x, speed, angle, turn), reward, terminated };
  },
};

const mountaincar = {
  needs: ["min_position", "max_position", "max_speed", "goal_position", "goal_velocity", "force", "gravity"],
  size: 2,

  fromObs: (obs) => Float64Array.from(obs),
  observe: (state) => rounded(state),

  step(state, action, p) {
    let [position, velocity] = state;
    velocity = velocity + ((action - 1) * p.force + cos(3 * position) * -p.gravity);
    velocity = clip(velocity, -p.max_speed, p.max_speed);
    position = clip(position + velocity, p.min_position, p.max_position);
    if (position === p.min_position && velocity < 0) velocity = 0;
    const terminated = position >= p.goal_position && velocity >= p.goal_velocity;
    return { state: Float64Array.of(position, velocity), reward: -1, terminated };
  },
};

/** An angle moved by whole turns into [-π, π]. */
function wrap(angle) {
  if (Math.abs(angle) > 1000) angle = angle % (2 * PI); // no sane step gets here; turn by turn it might take for ever
  while (angle > PI) angle = angle - (PI - -PI);
  while (angle < -PI) angle = angle + (PI - -PI);
  return angle;
}

/** Rates of change [θ1', θ2', θ1'', θ2''] of Acrobot's state under a torque. */
function acrobotRates(state, torque, p) {
  const [angle1, angle2, turn1, turn2] = state;
  const m1 = p.LINK_MASS_1, m2 = p.LINK_MASS_2;
  const l1 = p.LINK_LENGTH_1, lc1 = p.LINK_COM_POS_1, lc2 = p.LINK_COM_POS_2;
  const inertia1 = p.LINK_MOI, inertia2 = p.LINK_MOI;
  const g = 9.8;
  const c2 = cos(angle2), s2 = sin(angle2);
  const d1 = m1 * (lc1 * lc1) + m2 * (l1 * l1 + lc2 * lc2 + 2 * l1 * lc2 * c2) + inertia1 + inertia2;
  const d2 = m2 * (lc2 * lc2 + l1 * lc2 * c2) + inertia2;
  const phi2 = m2 * lc2 * g * cos(angle1 + angle2 - PI / 2.0);
  const phi1 =
    -m2 * l1 * lc2 * (turn2 * turn2) * s2 -
    2 * m2 * l1 * lc2 * turn2 * turn1 * s2 +
    (m1 * lc1 + m2 * l1) * g * cos(angle1 - PI / 2) +
    phi2;
  const given =
    p.book_or_nips === "nips"
      ? torque + (d2 / d1) * phi1 - phi2
      : torque + (d2 / d1) * phi1 - m2 * l1 * lc2 * (turn1 * turn1) * s2 - phi2;
  const rate2 = given / (m2 * (lc2 * lc2) + inertia2 - (d2 * d2) / d1);
  const rate1 = -(d2 * rate2 + phi1) / d1;
  return [turn1, turn2, rate1, rate2];
}

/** The state dt seconds later, by one step of the classical Runge-Kutta method. */
function rungeKutta(rates, state, dt) {
  const at = (k, by) => state.map((y, i) => y + by * k[i]);
  const half = dt / 2.0;
  const k1 = rates(state);
  const k2 = rates(at(k1, half));
  const k3 = rates(at(k2, half));
  const k4 = rates(at(k3, dt));
  return state.map((y, i) => y + (dt / 6.0) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]));
}

const acrobot = {
  needs: ["dt", "LINK_LENGTH_1", "LINK_MASS_1", "LINK_MASS_2", "LINK_COM_POS_1", "LINK_COM_POS_2", "LINK_MOI", "MAX_VEL_1",
    "MAX_VEL_2", "AVAIL_TORQUE", "book_or_nips"],
  size: 4,

  fromObs: (obs) => Float64Array.of(atan2(obs[1], obs[0]), atan2(obs[3], obs[2]), obs[4], obs[5]),
  observe: (s) => rounded([cos(s[0]), sin(s[0]), cos(s[1]), sin(s[1]), s[2], s[3]]),

  /** Cosine and sine of an angle belong together: where one was set, the other follows on the circle. */
  settle(obs, changed) {
    if (changed > 3) return;
    const partner = changed % 2 ? changed - 1 : changed + 1;
    const size = Math.sqrt(Math.max(0, 1 - obs[changed] * obs[changed]));
    obs[partner] = obs[partner] < 0 ? -size : size;
  },

  step(state, action, p) {
    const torque = p.AVAIL_TORQUE[action];
    const next = rungeKutta((s) => acrobotRates(s, torque, p), Float64Array.from(state), p.dt);
    next[0] = wrap(next[0]);
    next[1] = wrap(next[1]);
    next[2] = clip(next[2], -p.MAX_VEL_1, p.MAX_VEL_1);
    next[3] = clip(next[3], -p.MAX_VEL_2, p.MAX_VEL_2);
    const terminated = -cos(next[0]) - cos(next[1] + next[0]) > 1.0;
    return { state: next, reward: terminated ? 0 : -1, terminated };
  },
};

export const systems = { cartpole, mountaincar, acrobot };

/** The physics of a world, or null: of another kind, or one whose constants are not all known. */
export function systemOf(world) {
  const system = world && Object.hasOwn(systems, world.kind) ? systems[world.kind] : null;
  return system && system.needs.every((name) => (world.params[name] ?? null) !== null) ? system : null;
}

/** Steps per second at which the environment itself is shown. */
export function stepsPerSecond(world) {
  return world.params.fps ?? { cartpole: 50, mountaincar: 30, acrobot: 15 }[world.kind] ?? 30;
}
