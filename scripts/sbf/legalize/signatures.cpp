// Functions and calls that do not fit the backend's calling convention.
//
// It has five argument registers and one 64-bit return register, and refuses anything else. A
// signature that needs more is rewritten, the same way at every definition, declaration and call,
// direct or through a pointer, so that both sides keep agreeing:
//   - a wide or aggregate result is returned through a pointer to the caller's stack, passed first;
//   - a 128-bit argument becomes two 64-bit ones;
//   - what does not fit into four registers is packed into a struct on the caller's stack, and a
//     pointer to it takes the fifth.
#include "legalize.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
using namespace llvm;

namespace sbf {
namespace {

constexpr unsigned ArgumentRegisters = 5;

bool returnsThroughMemory(Type *T) {
  if (T->isVoidTy())
    return false;
  if (T->isAggregateType() || T->isVectorTy())
    return true;
  return T->isIntegerTy() && T->getIntegerBitWidth() > 64;
}

bool needsRewrite(FunctionType *FT) {
  if (FT->isVarArg())
    return false;
  if (returnsThroughMemory(FT->getReturnType()))
    return true;
  unsigned Registers = 0;
  for (Type *P : FT->params())
    Registers += isWide(P) ? 2 : 1;
  return Registers > ArgumentRegisters;
}

// What a signature becomes. Depends on the function type alone.
struct Shape {
  FunctionType *Ty;
  bool ThroughMemory;    // the first argument is where the result goes
  StructType *Pack;      // the arguments past the fourth register, or null
  unsigned FirstPacked;  // how many arguments stay in registers
};

Shape shapeOf(FunctionType *FT) {
  LLVMContext &C = FT->getContext();
  Shape S{};
  SmallVector<Type *, 8> Flat;
  S.ThroughMemory = returnsThroughMemory(FT->getReturnType());
  if (S.ThroughMemory)
    Flat.push_back(PointerType::getUnqual(C));
  for (Type *P : FT->params())
    if (isWide(P))
      Flat.append(2, Type::getInt64Ty(C));
    else
      Flat.push_back(P);
  S.FirstPacked = Flat.size();
  if (Flat.size() > ArgumentRegisters) {
    S.FirstPacked = ArgumentRegisters - 1;
    S.Pack = StructType::get(C, ArrayRef<Type *>(Flat).drop_front(S.FirstPacked));
    Flat.resize(S.FirstPacked);
    Flat.push_back(PointerType::getUnqual(C));
  }
  Type *Result = S.ThroughMemory ? Type::getVoidTy(C) : FT->getReturnType();
  S.Ty = FunctionType::get(Result, Flat, false);
  return S;
}

void storeReturns(Function &F) {
  for (BasicBlock &Block : F) {
    auto *Return = dyn_cast<ReturnInst>(Block.getTerminator());
    if (!Return)
      continue;
    IRBuilder<> B(Return);
    B.CreateAlignedStore(Return->getReturnValue(), F.getArg(0), Align(8));
    B.CreateRetVoid();
    Return->eraseFromParent();
  }
}

// Makes the old arguments, under their old names, from the new ones.
void unpackArguments(Function &Old, Function &New, const Shape &S) {
  BasicBlock &Entry = New.getEntryBlock();
  IRBuilder<> B(&Entry, Entry.getFirstInsertionPt());
  SmallVector<Value *, 8> Flat;
  for (unsigned I = 0; I < S.FirstPacked; ++I)
    Flat.push_back(New.getArg(I));
  for (unsigned I = 0; S.Pack && I < S.Pack->getNumElements(); ++I) {
    Value *Field = B.CreateStructGEP(S.Pack, New.getArg(S.FirstPacked), I);
    Flat.push_back(B.CreateLoad(S.Pack->getElementType(I), Field));
  }
  unsigned Next = S.ThroughMemory;
  for (Argument &A : Old.args()) {
    Value *V = Flat[Next++];
    if (isWide(A.getType()))
      V = joinHalves(B, V, Flat[Next++]);
    if (V->getName().empty())
      V->setName(A.getName());
    A.replaceAllUsesWith(V);
  }
}

void rewriteFunction(Function *Old) {
  Shape S = shapeOf(Old->getFunctionType());
  Function *New = Function::Create(S.Ty, Old->getLinkage(), Old->getAddressSpace(), "", Old->getParent());
  LLVMContext &C = Old->getContext();
  New->setCallingConv(Old->getCallingConv());
  New->setVisibility(Old->getVisibility());
  New->setDSOLocal(Old->isDSOLocal());
  New->setAttributes(AttributeList().addFnAttributes(C, AttrBuilder(C, Old->getAttributes().getFnAttrs())));
  New->removeFnAttr(Attribute::Memory); // it writes its result and reads its pack now
  New->setSubprogram(Old->getSubprogram());
  New->takeName(Old);
  if (!Old->isDeclaration()) {
    New->splice(New->begin(), Old);
    unpackArguments(*Old, *New, S);
    if (S.ThroughMemory)
      storeReturns(*New);
  }
  Old->replaceAllUsesWith(New);
  Old->eraseFromParent();
}

void rewriteCall(CallInst *Call) {
  Shape S = shapeOf(Call->getFunctionType());
  IRBuilder<> B(Call);
  SmallVector<Value *, 8> Flat;
  AllocaInst *Result = nullptr;
  if (S.ThroughMemory)
    Flat.push_back(Result = stackSlot(B, Call->getType()));
  for (Value *A : Call->args()) {
    if (!isWide(A->getType())) {
      Flat.push_back(A);
      continue;
    }
    auto [Low, High] = splitHalves(B, A);
    Flat.append({Low, High});
  }
  if (S.Pack) {
    AllocaInst *Pack = stackSlot(B, S.Pack);
    for (unsigned I = 0; I < S.Pack->getNumElements(); ++I)
      B.CreateStore(Flat[S.FirstPacked + I], B.CreateStructGEP(S.Pack, Pack, I));
    Flat.resize(S.FirstPacked);
    Flat.push_back(Pack);
  }
  CallInst *New = B.CreateCall(S.Ty, Call->getCalledOperand(), Flat);
  New->setCallingConv(Call->getCallingConv());
  New->setDebugLoc(Call->getDebugLoc());
  if (Call->doesNotReturn())
    New->setDoesNotReturn();
  if (S.ThroughMemory)
    Call->replaceAllUsesWith(B.CreateAlignedLoad(Call->getType(), Result, Align(8)));
  else
    Call->replaceAllUsesWith(New);
  Call->eraseFromParent();
}

// The backend refuses the `sret` marking itself, not what it means.
void dropStructReturnMarks(Module &M) {
  for (Function &F : M) {
    for (unsigned I = 0; I < F.arg_size(); ++I)
      F.removeParamAttr(I, Attribute::StructRet);
    for (Instruction &I : instructions(F))
      if (auto *Call = dyn_cast<CallInst>(&I))
        for (unsigned A = 0; A < Call->arg_size(); ++A)
          Call->removeParamAttr(A, Attribute::StructRet);
  }
}

bool isOrdinaryCall(const CallInst &Call) {
  const Function *Callee = Call.getCalledFunction();
  return !Call.isInlineAsm() && !(Callee && Callee->isIntrinsic());
}

} // namespace

bool lowerSignatures(Module &M) {
  SmallVector<CallInst *, 64> Calls;
  SmallVector<Function *, 64> Functions;
  for (Function &F : M) {
    if (F.isIntrinsic())
      continue;
    if (needsRewrite(F.getFunctionType()))
      Functions.push_back(&F);
    for (Instruction &I : instructions(F)) {
      auto *Call = dyn_cast<CallInst>(&I);
      if (!Call || !isOrdinaryCall(*Call))
        continue;
      Call->setTailCallKind(CallInst::TCK_None); // the callee may use this frame's stack
      if (needsRewrite(Call->getFunctionType()))
        Calls.push_back(Call);
    }
  }
  dropStructReturnMarks(M);
  for (CallInst *Call : Calls)
    rewriteCall(Call);
  for (Function *F : Functions)
    rewriteFunction(F);
  return true;
}

} // namespace sbf
