// Arithmetic wider than a register, checked multiplication, and traps.
//
// Upstream's BPF backend has no library calls: it refuses 128-bit multiplication, division,
// remainder and shifts by a variable, and 64-bit multiplication with an overflow flag. Each becomes a call into
// ../runtime/arithmetic.c. `llvm.trap` becomes Solana's `abort` system call.
#include "legalize.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
using namespace llvm;

namespace sbf {
namespace {

// Solana numbers a system call by the murmur3 hash of its name; this is `abort`.
constexpr uint64_t AbortSyscall = 0xb6fc1a11;

// `void Name(u128 *out, u64 a_low, u64 a_high, u64 b_low, u64 b_high)`: exactly five registers.
Value *callWide(IRBuilder<> &B, StringRef Name, Value *A, Value *C) {
  Module &M = *B.GetInsertBlock()->getModule();
  AllocaInst *Out = stackSlot(B, B.getInt128Ty());
  auto [ALow, AHigh] = splitHalves(B, A);
  auto [CLow, CHigh] = splitHalves(B, C);
  Type *I64 = B.getInt64Ty();
  auto *Ty = FunctionType::get(B.getVoidTy(), {B.getPtrTy(), I64, I64, I64, I64}, false);
  B.CreateCall(M.getOrInsertFunction(Name, Ty), {Out, ALow, AHigh, CLow, CHigh});
  return B.CreateAlignedLoad(B.getInt128Ty(), Out, Align(8));
}

// Products wider than 128 bits go through memory, limb by limb.
Value *multiplyLimbs(IRBuilder<> &B, Value *A, Value *C) {
  Module &M = *B.GetInsertBlock()->getModule();
  Type *T = A->getType();
  AllocaInst *Out = stackSlot(B, T), *Left = stackSlot(B, T), *Right = stackSlot(B, T);
  B.CreateAlignedStore(A, Left, Align(8));
  B.CreateAlignedStore(C, Right, Align(8));
  auto *Ty = FunctionType::get(B.getVoidTy(), {B.getPtrTy(), B.getPtrTy(), B.getPtrTy(), B.getInt64Ty()}, false);
  Value *Limbs = B.getInt64(T->getIntegerBitWidth() / 64);
  B.CreateCall(M.getOrInsertFunction("__sbf_mul_limbs", Ty), {Out, Left, Right, Limbs});
  return B.CreateAlignedLoad(T, Out, Align(8));
}

Value *overflowPair(IRBuilder<> &B, Type *Pair, Value *Result, Value *Overflowed) {
  Value *V = B.CreateInsertValue(PoisonValue::get(Pair), Result, 0);
  return B.CreateInsertValue(V, Overflowed, 1);
}

StringRef wideHelper(unsigned Opcode) {
  switch (Opcode) {
  case Instruction::Mul: return "__sbf_mul128";
  case Instruction::UDiv: return "__sbf_udiv128";
  case Instruction::URem: return "__sbf_urem128";
  case Instruction::SDiv: return "__sbf_sdiv128";
  case Instruction::SRem: return "__sbf_srem128";
  case Instruction::Shl: return "__sbf_shl128";
  case Instruction::LShr: return "__sbf_lshr128";
  case Instruction::AShr: return "__sbf_ashr128";
  default: return "";
  }
}

// `a op b` for a width of 65 to 128 bits, and products of any multiple of 64 bits.
Value *lowerBinary(IRBuilder<> &B, BinaryOperator &Op) {
  if (!Op.getType()->isIntegerTy())
    return nullptr;
  unsigned Width = Op.getType()->getIntegerBitWidth(), Opcode = Op.getOpcode();
  StringRef Helper = wideHelper(Opcode);
  if (Width <= 64 || Helper.empty())
    return nullptr;
  Value *A = Op.getOperand(0), *C = Op.getOperand(1);
  if (Op.isShift() && isa<Constant>(C))
    return nullptr; // the backend can do that
  if (Width > 128)
    return Opcode == Instruction::Mul && Width % 64 == 0 ? multiplyLimbs(B, A, C) : nullptr;
  bool Signed = Opcode == Instruction::SDiv || Opcode == Instruction::SRem || Opcode == Instruction::AShr;
  auto Widen = [&](Value *V) { return Signed ? B.CreateSExt(V, B.getInt128Ty()) : B.CreateZExt(V, B.getInt128Ty()); };
  return B.CreateTrunc(callWide(B, Helper, Widen(A), Widen(C)), Op.getType());
}

// Multiplication with an overflow flag, of 64 and of 128 bits.
Value *lowerCheckedMultiply(IRBuilder<> &B, WithOverflowInst &Op) {
  Value *A = Op.getLHS(), *C = Op.getRHS();
  Type *T = A->getType(), *I64 = B.getInt64Ty();
  Module &M = *B.GetInsertBlock()->getModule();
  if (T->isIntegerTy(64) && !Op.isSigned()) {
    FunctionCallee Helper = M.getOrInsertFunction("__sbf_umulo64", FunctionType::get(I64, {I64, I64}, false));
    Value *Overflowed = B.CreateTrunc(B.CreateCall(Helper, {A, C}), B.getInt1Ty());
    return overflowPair(B, Op.getType(), B.CreateMul(A, C), Overflowed);
  }
  if (!T->isIntegerTy(64) && !isWide(T))
    return nullptr;
  // Multiply at twice the width; it overflowed if the upper half is not the extension of the lower.
  Type *Twice = B.getIntNTy(2 * T->getIntegerBitWidth());
  auto Widen = [&](Value *V) { return Op.isSigned() ? B.CreateSExt(V, Twice) : B.CreateZExt(V, Twice); };
  Value *Full = isWide(Twice) ? callWide(B, "__sbf_mul128", Widen(A), Widen(C)) : multiplyLimbs(B, Widen(A), Widen(C));
  Value *Result = B.CreateTrunc(Full, T);
  return overflowPair(B, Op.getType(), Result, B.CreateICmpNE(Widen(Result), Full));
}

void lowerTrap(IRBuilder<> &B) {
  Value *Target = B.CreateIntToPtr(B.getInt64(AbortSyscall), B.getPtrTy());
  B.CreateCall(FunctionType::get(B.getVoidTy(), false), Target)->setDoesNotReturn();
}

} // namespace

bool lowerArithmetic(Module &M) {
  SmallVector<Instruction *, 64> Work;
  for (Function &F : M)
    for (Instruction &I : instructions(F))
      Work.push_back(&I);
  bool Changed = false;
  for (Instruction *I : Work) {
    IRBuilder<> B(I);
    Value *Replacement = nullptr;
    if (auto *Op = dyn_cast<BinaryOperator>(I))
      Replacement = lowerBinary(B, *Op);
    else if (auto *Op = dyn_cast<WithOverflowInst>(I); Op && Op->getBinaryOp() == Instruction::Mul)
      Replacement = lowerCheckedMultiply(B, *Op);
    else if (auto *Trap = dyn_cast<IntrinsicInst>(I); Trap && Trap->getIntrinsicID() == Intrinsic::trap) {
      lowerTrap(B);
      I->eraseFromParent();
      Changed = true;
      continue;
    }
    if (!Replacement)
      continue;
    I->replaceAllUsesWith(Replacement);
    I->eraseFromParent();
    Changed = true;
  }
  return Changed;
}

} // namespace sbf
