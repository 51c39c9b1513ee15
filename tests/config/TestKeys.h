// Keys and a certificate made anew in each run of the tests: none is kept in the tree.
#pragma once

#include <string>

namespace mox::test {

struct TestKeys {
  std::string ed25519, rsa2048, rsa512, p256;  ///< PKCS8 PEM
  std::string p256Pkcs1;                       ///< the same key as p256 in its older form, "BEGIN EC PRIVATE KEY"
  std::string p256Certificate;                 ///< self-signed for p256
};

/// Made at the first call, then the same.
const TestKeys& testKeys();

}  // namespace mox::test
