// The NixOS module takes its option types from a file with the schema.
#include <fstream>
#include <iterator>

#include "config/Write.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::config;

namespace {

struct SchemaFileTest : test::Suite<SchemaFileTest> {
  static void list(List& l) { l.add("is in step", &SchemaFileTest::isInStep); }

  void isInStep() {
    std::ifstream in(std::string(MOX_SOURCE_DIR) + "/nixos-module/schema.json", std::ios::binary);
    std::string file((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    CHECK_MSG("fields have changed: run  build/mox config schema >nixos-module/schema.json",
              file == jsonSchema<Whole>("mox configuration") + "\n");
  }
};
SUITE(SchemaFileTest);

}  // namespace
