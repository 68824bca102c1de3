/** Turns packed arrays back into typed ones. */

import { inflate } from "./inflate.js";

const KINDS = {
  f32: Float32Array, f64: Float64Array, i8: Int8Array, i16: Int16Array, i32: Int32Array, u8: Uint8Array,
  u16: Uint16Array,
};

/** Copies a value from the page's JSON, with every packed array as {shape, data: typed array}. */
export function unpack(value) {
  if (Array.isArray(value)) return value.map(unpack);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$ === "string") return unpackArray(value);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, unpack(each)]));
}

function unpackArray({ $: kind, as: sent, planes, shape, data, of, kept, values }) {
  if (kind === "few") return { ...unpack(values), kept: unpack(kept).data, of };
  const bytes = planes ? woven(bytesOf(data), planes, shape.reduce((size, side) => size * side, 1)) : bytesOf(data);
  if (sent) return { shape, data: (KINDS[kind] ?? Float64Array).from(new KINDS[sent](bytes.buffer)) };
  if (kind === "f16") return { shape, data: halves(new Uint16Array(bytes.buffer)) };
  if (kind === "i64") return { shape, data: Float64Array.from(new BigInt64Array(bytes.buffer), Number) };
  return { shape, data: new KINDS[kind](bytes.buffer) };
}

/** The bytes of `count` numbers, of which first bytes were deflated together, then second ones, and so on. */
function woven(packed, planes, count) {
  const apart = inflate(packed, planes * count);
  const out = new Uint8Array(planes * count);
  for (let plane = 0; plane < planes; plane++) {
    for (let i = 0; i < count; i++) out[planes * i + plane] = apart[plane * count + i];
  }
  return out;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_'{|}~";
const WORTH = Uint8Array.from({ length: 128 }, (_, code) => Math.max(DIGITS.indexOf(String.fromCharCode(code)), 0));
const LAST = 84; // the largest digit, which stands for those left out at the end

/** The bytes of a text of 85 digits, five of which are four bytes. */
export function bytesOf(text) {
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let group = 0; 5 * group < text.length; group++) {
    let number = 0;
    for (let at = 5 * group; at < 5 * group + 5; at++) number = 85 * number + (at < text.length ? WORTH[text.charCodeAt(at)] : LAST);
    view.setUint32(4 * group, number);
  }
  return bytes.slice(0, Math.floor((4 * text.length) / 5));
}

/** What a run's page shows, unpacked; observations that are the states in single precision were sent as `state`. */
export function taken(packed) {
  const data = unpack(packed);
  for (const episode of data.episodes ?? []) {
    if (episode.obs === "state") episode.obs = { shape: episode.state.shape, data: Float32Array.from(episode.state.data) };
  }
  return data;
}

/** A value of JSON from its length in bytes and, behind a colon, itself deflated. */
export function inflated(text) {
  const [size, data] = text.trim().split(":");
  return JSON.parse(new TextDecoder().decode(inflate(bytesOf(data), Number(size))));
}

/** Half-precision numbers as single ones (IEEE 754: 1 sign bit, 5 of exponent, 10 of fraction). */
function halves(bits) {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = bits[i] & 0x8000 ? -1 : 1;
    const exponent = (bits[i] >> 10) & 31;
    const fraction = bits[i] & 1023;
    if (exponent === 31) out[i] = fraction ? NaN : sign * Infinity;
    else out[i] = sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  }
  return out;
}

/**
 * Row i of a packed array of at least two dimensions, as a view. Values of many actions, of which only a few were kept,
 * are written out, with -Infinity for the others.
 */
export function row(array, i) {
  const size = array.data.length / array.shape[0];
  const part = array.data.subarray(i * size, (i + 1) * size);
  if (!array.kept) return part;
  const all = new Float32Array(array.of).fill(-Infinity);
  array.kept.subarray(i * size, (i + 1) * size).forEach((action, k) => { all[action] = part[k]; });
  return all;
}
