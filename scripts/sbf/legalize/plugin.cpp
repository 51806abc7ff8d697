// Registers the passes with `opt` as `sbf-arithmetic` and `sbf-signatures`.
#include "legalize.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Plugins/PassPlugin.h"
using namespace llvm;

namespace {

template <bool (*Lower)(Module &)> struct Lowering : PassInfoMixin<Lowering<Lower>> {
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    return Lower(M) ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }
  static bool isRequired() { return true; }
};

bool parse(StringRef Name, ModulePassManager &MPM, ArrayRef<PassBuilder::PipelineElement>) {
  if (Name == "sbf-arithmetic")
    MPM.addPass(Lowering<sbf::lowerArithmetic>());
  else if (Name == "sbf-signatures")
    MPM.addPass(Lowering<sbf::lowerSignatures>());
  else
    return false;
  return true;
}

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "sbf-legalize", "1", [](PassBuilder &PB) { PB.registerPipelineParsingCallback(parse); }};
}
