// The C memory functions compiled code calls. Long ones go to Solana's system calls, which cost a flat
// price; short ones are cheaper in place. A system call is called at the murmur3 hash of its name.
typedef unsigned long u64;
typedef unsigned char u8;

#define SOL_MEMCPY ((void (*)(void *, const void *, u64))0x717cc4a3UL)
#define SOL_MEMMOVE ((void (*)(void *, const void *, u64))0x434371f8UL)
#define SOL_MEMSET ((void (*)(void *, int, u64))0x3770fb22UL)
#define SOL_MEMCMP ((void (*)(const void *, const void *, u64, int *))0x5fdcde31UL)

// Up to this many bytes are handled in place.
#define SHORT 32

void *memcpy(void *to, const void *from, u64 n) {
  if (n > SHORT) {
    SOL_MEMCPY(to, from, n);
    return to;
  }
  u8 *x = to;
  const u8 *y = from;
  for (; n >= 8; n -= 8, x += 8, y += 8) *(u64 *)x = *(const u64 *)y;
  for (; n; n--) *x++ = *y++;
  return to;
}

void *memmove(void *to, const void *from, u64 n) {
  SOL_MEMMOVE(to, from, n);
  return to;
}

void *memset(void *to, int c, u64 n) {
  SOL_MEMSET(to, c, n);
  return to;
}

int memcmp(const void *a, const void *b, u64 n) {
  const u8 *x = a, *y = b;
  if (n > SHORT) {
    int order = 0;
    SOL_MEMCMP(a, b, n, &order);
    return order;
  }
  for (; n >= 8 && *(const u64 *)x == *(const u64 *)y; n -= 8, x += 8, y += 8)
    ;
  for (; n; n--, x++, y++)
    if (*x != *y) return *x - *y;
  return 0;
}

int bcmp(const void *a, const void *b, u64 n) { return memcmp(a, b, n); }
