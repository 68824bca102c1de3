/*
  An exported agent balances a pole in C. In the folder that `dqn export RUN --format c` has written:

      cc -std=c99 -O2 -I . -o cartpole PATH/cartpole.c agent.c -lm
      ./cartpole weights.bin
*/
#include <math.h>
#include <stdio.h>

#include "agent.h"

/* The cart's position and speed, the pole's angle and speed, after one step to the left (0) or right (1). */
static void push(float *state, int action) {
  const float gravity = 9.8f, pole = 0.1f, total = 1.1f, half = 0.5f, seconds = 0.02f;
  const float speed = state[1], angle = state[2], turning = state[3];
  const float force = ((action == 1 ? 10.0f : -10.0f) + pole * half * turning * turning * sinf(angle)) / total;
  const float swing =
      (gravity * sinf(angle) - cosf(angle) * force) / (half * (4.0f / 3.0f - pole * cosf(angle) * cosf(angle) / total));
  const float pull = force - pole * half * swing * cosf(angle) / total;
  state[0] += seconds * speed;
  state[1] += seconds * pull;
  state[2] += seconds * turning;
  state[3] += seconds * swing;
}

int main(int count, char **words) {
  float state[AGENT_INPUTS] = {0.03f, -0.02f, 0.04f, 0.01f};
  int steps = 0;
  if (count != 2 || agent_load(words[1])) return 1;
  for (; steps < 500 && fabsf(state[0]) < 2.4f && fabsf(state[2]) < 0.2094f; steps++) push(state, agent_act(state));
  printf("balanced for %d of 500 steps\n", steps);
  return 0;
}
