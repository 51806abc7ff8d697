// What ../legalize/arithmetic.cpp calls. 128-bit numbers are two 64-bit limbs, low first.
//
// Nothing here may be compiled into the very operations it stands for: see toolchain.py on the passes
// it is compiled with.
typedef unsigned long u64;
typedef long i64;

#define LOW32(x) ((x) & 0xffffffffUL)

static void put(u64 *out, u64 low, u64 high) {
  out[0] = low;
  out[1] = high;
}

// out = a * b mod 2^128
__attribute__((noinline)) void __sbf_mul128(u64 *out, u64 al, u64 ah, u64 bl, u64 bh) {
  u64 a0 = LOW32(al), a1 = al >> 32, b0 = LOW32(bl), b1 = bl >> 32;
  u64 p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
  u64 middle = (p00 >> 32) + LOW32(p01) + LOW32(p10);
  u64 carry = p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
  put(out, (middle << 32) | LOW32(p00), carry + ah * bl + al * bh);
}

// Whether a * b does not fit into 64 bits. Not by a division: the code generator would recognise it.
__attribute__((noinline)) u64 __sbf_umulo64(u64 a, u64 b) {
  if ((a | b) >> 32 == 0) return 0;
  u64 product[2];
  __sbf_mul128(product, a, 0, b, 0);
  return product[1] != 0;
}

// out = a << by, for by below 128
void __sbf_shl128(u64 *out, u64 al, u64 ah, u64 by, u64 ignored) {
  if (by >= 64) put(out, 0, al << (by - 64));
  else if (by == 0) put(out, al, ah);
  else put(out, al << by, (ah << by) | (al >> (64 - by)));
}

// out = a >> by, filling with zeros
void __sbf_lshr128(u64 *out, u64 al, u64 ah, u64 by, u64 ignored) {
  if (by >= 64) put(out, ah >> (by - 64), 0);
  else if (by == 0) put(out, al, ah);
  else put(out, (al >> by) | (ah << (64 - by)), ah >> by);
}

// out = a >> by, filling with the sign
void __sbf_ashr128(u64 *out, u64 al, u64 ah, u64 by, u64 ignored) {
  i64 high = (i64)ah;
  if (by >= 64) put(out, (u64)(high >> (by - 64)), (u64)(high >> 63));
  else if (by == 0) put(out, al, ah);
  else put(out, (al >> by) | (ah << (64 - by)), (u64)(high >> by));
}

// How many leading bits of x, which is not 0, are 0.
static u64 leading_zeros(u64 x) {
  u64 n = 0;
  if (x >> 32 == 0) { n += 32; x <<= 32; }
  if (x >> 48 == 0) { n += 16; x <<= 16; }
  if (x >> 56 == 0) { n += 8; x <<= 8; }
  if (x >> 60 == 0) { n += 4; x <<= 4; }
  if (x >> 62 == 0) { n += 2; x <<= 2; }
  return n + (x >> 63 == 0);
}

// Knuth's algorithm D for two 32-bit digits: (high:low) / d where high < d and d's top bit is set.
// Returns the quotient and stores the remainder. Hacker's Delight, divlu.
static u64 divide_2_by_1(u64 high, u64 low, u64 d, u64 *remainder) {
  u64 d1 = d >> 32, d0 = LOW32(d);
  u64 q1 = high / d1, r1 = high % d1;
  while (q1 >> 32 != 0 || q1 * d0 > ((r1 << 32) | (low >> 32))) {
    q1 -= 1;
    r1 += d1;
    if (r1 >> 32 != 0) break;
  }
  u64 middle = ((high << 32) | (low >> 32)) - q1 * d;
  u64 q0 = middle / d1, r0 = middle % d1;
  while (q0 >> 32 != 0 || q0 * d0 > ((r0 << 32) | LOW32(low))) {
    q0 -= 1;
    r0 += d1;
    if (r0 >> 32 != 0) break;
  }
  *remainder = ((middle << 32) | LOW32(low)) - q0 * d;
  return (q1 << 32) + q0;
}

// The same for any d > high.
static u64 divide_narrow(u64 high, u64 low, u64 d, u64 *remainder) {
  u64 shift = leading_zeros(d);
  if (shift == 0) return divide_2_by_1(high, low, d, remainder);
  u64 quotient = divide_2_by_1((high << shift) | (low >> (64 - shift)), low << shift, d << shift, remainder);
  *remainder >>= shift;
  return quotient;
}

// q = n / d and r = n mod d. The language has refused d = 0 before.
static __attribute__((noinline)) void divide(u64 *q, u64 *r, const u64 *n, const u64 *d) {
  u64 nl = n[0], nh = n[1], dl = d[0], dh = d[1];
  if (nh < dh || (nh == dh && nl < dl)) {
    put(r, nl, nh);
    put(q, 0, 0);
    return;
  }
  if (dh == 0) {
    if (nh == 0) {
      put(q, nl / dl, 0);
      put(r, nl % dl, 0);
      return;
    }
    u64 remainder, high = nh / dl;
    put(q, divide_narrow(nh % dl, nl, dl, &remainder), high);
    put(r, remainder, 0);
    return;
  }
  // The quotient fits into 64 bits. Estimate it from the divisor's leading 64 bits; it is at most one
  // too large, so take one off and see. Hacker's Delight, udivdi3.
  u64 shift = leading_zeros(dh), ignored;
  u64 top = shift == 0 ? dh : (dh << shift) | (dl >> (64 - shift));
  u64 estimate = divide_2_by_1(nh >> 1, (nh << 63) | (nl >> 1), top, &ignored) >> (63 - shift);
  if (estimate != 0) estimate -= 1;
  u64 product[2];
  __sbf_mul128(product, estimate, 0, dl, dh);
  u64 rl = nl - product[0], rh = nh - product[1] - (nl < product[0]);
  if (rh > dh || (rh == dh && rl >= dl)) {
    estimate += 1;
    u64 borrow = rl < dl;
    rl -= dl;
    rh -= dh + borrow;
  }
  put(q, estimate, 0);
  put(r, rl, rh);
}

static void negate(u64 *x) {
  x[0] = ~x[0] + 1;
  x[1] = ~x[1] + (x[0] == 0);
}

void __sbf_udiv128(u64 *out, u64 nl, u64 nh, u64 dl, u64 dh) {
  u64 n[2] = {nl, nh}, d[2] = {dl, dh}, r[2];
  divide(out, r, n, d);
}

void __sbf_urem128(u64 *out, u64 nl, u64 nh, u64 dl, u64 dh) {
  u64 n[2] = {nl, nh}, d[2] = {dl, dh}, q[2];
  divide(q, out, n, d);
}

// Towards zero; the remainder has the dividend's sign.
void __sbf_sdiv128(u64 *out, u64 nl, u64 nh, u64 dl, u64 dh) {
  u64 n[2] = {nl, nh}, d[2] = {dl, dh}, r[2];
  int negative_n = (i64)nh < 0, negative_d = (i64)dh < 0;
  if (negative_n) negate(n);
  if (negative_d) negate(d);
  divide(out, r, n, d);
  if (negative_n != negative_d) negate(out);
}

void __sbf_srem128(u64 *out, u64 nl, u64 nh, u64 dl, u64 dh) {
  u64 n[2] = {nl, nh}, d[2] = {dl, dh}, q[2];
  int negative_n = (i64)nh < 0;
  if (negative_n) negate(n);
  if ((i64)dh < 0) negate(d);
  divide(q, out, n, d);
  if (negative_n) negate(out);
}

// out = a * b mod 2^(64 * limbs)
void __sbf_mul_limbs(u64 *out, const u64 *a, const u64 *b, u64 limbs) {
  for (u64 i = 0; i < limbs; i++) out[i] = 0;
  for (u64 i = 0; i < limbs; i++) {
    u64 carry = 0;
    for (u64 j = 0; i + j < limbs; j++) {
      u64 product[2];
      __sbf_mul128(product, a[i], 0, b[j], 0);
      u64 sum = out[i + j] + product[0], over = sum < product[0];
      sum += carry;
      over += sum < carry;
      out[i + j] = sum;
      carry = product[1] + over;
    }
  }
}
