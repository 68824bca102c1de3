/** Unpacks what was deflated (RFC 1951): at once, where a browser's own way would make the page wait. */

const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
  16385, 24577,
];
const DISTANCE_BITS = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST = 15; // bits of a code

/** The `size` bytes that `packed` holds. */
export function inflate(packed, size) {
  const out = new Uint8Array(size);
  const bits = makeBits(packed);
  let at = 0;
  for (let last = 0; !last;) {
    last = bits.take(1);
    const kind = bits.take(2);
    if (kind === 0) at = stored(bits, out, at);
    else at = block(bits, kind === 1 ? fixed() : dynamic(bits), out, at);
  }
  return out;
}

/** Bits from the lowest of each byte on: {take(count), bytes(count)}. */
function makeBits(packed) {
  let [at, held, count] = [0, 0, 0];
  return {
    take(need) {
      while (count < need) {
        held |= packed[at++] << count;
        count += 8;
      }
      const value = held & ((1 << need) - 1);
      held >>>= need;
      count -= need;
      return value;
    },
    bytes(length) {
      [held, count] = [0, 0];
      at += length;
      return packed.subarray(at - length, at);
    },
  };
}

function stored(bits, out, at) {
  const head = bits.bytes(4);
  const part = bits.bytes(head[0] | (head[1] << 8));
  out.set(part, at);
  return at + part.length;
}

/** Codes of so many bits each, as {count: how many of each length, symbols: in order of their codes}. */
function codes(lengths) {
  const count = new Uint16Array(LONGEST + 1);
  for (const length of lengths) count[length]++;
  count[0] = 0;
  const place = new Uint16Array(LONGEST + 2);
  for (let length = 1; length <= LONGEST; length++) place[length + 1] = place[length] + count[length];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => { if (length) symbols[place[length]++] = symbol; });
  return { count, symbols };
}

function symbol(bits, { count, symbols }) {
  let [code, first, index] = [0, 0, 0];
  for (let length = 1; length <= LONGEST; length++) {
    code |= bits.take(1);
    if (code - count[length] < first) return symbols[index + code - first];
    index += count[length];
    first = (first + count[length]) << 1;
    code <<= 1;
  }
  throw new Error("what was packed is damaged");
}

function fixed() {
  const lengths = Array.from({ length: 288 }, (_, k) => (k < 144 ? 8 : k < 256 ? 9 : k < 280 ? 7 : 8));
  return { letters: codes(lengths), distances: codes(new Array(30).fill(5)) };
}

function dynamic(bits) {
  const letters = bits.take(5) + 257;
  const distances = bits.take(5) + 1;
  const order = new Array(19).fill(0);
  for (let k = bits.take(4) + 4, i = 0; i < k; i++) order[ORDER[i]] = bits.take(3);
  const table = codes(order);
  const lengths = [];
  while (lengths.length < letters + distances) {
    const each = symbol(bits, table);
    if (each < 16) lengths.push(each);
    else {
      const value = each === 16 ? lengths.at(-1) : 0;
      const again = each === 16 ? 3 + bits.take(2) : each === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
      for (let k = 0; k < again; k++) lengths.push(value);
    }
  }
  return { letters: codes(lengths.slice(0, letters)), distances: codes(lengths.slice(letters)) };
}

function block(bits, { letters, distances }, out, start) {
  let at = start;
  for (let each = symbol(bits, letters); each !== 256; each = symbol(bits, letters)) {
    if (each < 256) out[at++] = each;
    else {
      const length = LENGTHS[each - 257] + bits.take(LENGTH_BITS[each - 257]);
      const way = symbol(bits, distances);
      const back = DISTANCES[way] + bits.take(DISTANCE_BITS[way]);
      for (let k = 0; k < length; k++, at++) out[at] = out[at - back];
    }
  }
  return at;
}
