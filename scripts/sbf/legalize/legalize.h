// Passes that turn optimised LLVM IR into IR that upstream LLVM's BPF backend accepts.
#pragma once
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace sbf {

// Lowers traps and the arithmetic the backend cannot select: see arithmetic.cpp.
bool lowerArithmetic(llvm::Module &M);

// Rewrites functions and calls that need more than the backend's five argument registers or its one
// 64-bit return register: see signatures.cpp.
bool lowerSignatures(llvm::Module &M);

inline bool isWide(llvm::Type *T) { return T->isIntegerTy(128); }

// A stack slot of the function being built, in its entry block so that loops do not grow the stack.
inline llvm::AllocaInst *stackSlot(llvm::IRBuilder<> &B, llvm::Type *T) {
  llvm::BasicBlock &Entry = B.GetInsertBlock()->getParent()->getEntryBlock();
  llvm::IRBuilder<> EntryBuilder(&Entry, Entry.begin());
  llvm::AllocaInst *Slot = EntryBuilder.CreateAlloca(T);
  if (Slot->getAlign() < llvm::Align(8))
    Slot->setAlignment(llvm::Align(8));
  return Slot;
}

// A 128-bit value from its halves, and its halves.
inline llvm::Value *joinHalves(llvm::IRBuilder<> &B, llvm::Value *Low, llvm::Value *High) {
  llvm::Type *Wide = B.getInt128Ty();
  llvm::Value *Shifted = B.CreateShl(B.CreateZExt(High, Wide), llvm::ConstantInt::get(Wide, 64));
  return B.CreateOr(B.CreateZExt(Low, Wide), Shifted);
}
inline std::pair<llvm::Value *, llvm::Value *> splitHalves(llvm::IRBuilder<> &B, llvm::Value *V) {
  llvm::Value *High = B.CreateLShr(V, llvm::ConstantInt::get(V->getType(), 64));
  return {B.CreateTrunc(V, B.getInt64Ty()), B.CreateTrunc(High, B.getInt64Ty())};
}

} // namespace sbf
