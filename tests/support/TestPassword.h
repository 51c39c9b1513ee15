// "test1234", the password of all accounts in a house for sessions.
//
// Making a hash and checking one cost 60 ms each, which is what they are for; a fuzz target would do little else.
#pragma once

#include <string>
#include <string_view>

#include "base/Random.h"
#include "store/Passwords.h"

namespace mox::test {

inline constexpr std::string_view testPassword = "test1234";

/// Made once.
inline const store::PasswordSecrets& testSecrets() {
  static const store::PasswordSecrets made = [] {
    FakeRandom random(7);
    return *store::makeSecrets(testPassword, random);
  }();
  return made;
}

/// As store::passwordVerify, but knows the answer for that hash, and for one that no password has.
inline bool verifyTestPassword(std::string_view password, const std::string& hash) {
  if (hash == testSecrets().hash) return password == testPassword;
  return !hash.ends_with("...............................") && store::passwordVerify(password, hash);
}

}  // namespace mox::test
