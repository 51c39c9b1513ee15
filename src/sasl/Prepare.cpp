#include "sasl/Prepare.h"

#include <unictype.h>
#include <unistr.h>

#include <cstdint>

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::sasl {

namespace {

constexpr ucs4_t zeroWidthNonJoiner = 0x200c;
constexpr ucs4_t zeroWidthJoiner = 0x200d;

/// RFC 8264 §4.3 FreeformClass, as far as one code point and the one before it tell.
bool allowed(ucs4_t c, ucs4_t before) {
  if (c == zeroWidthJoiner || c == zeroWidthNonJoiner) return before != 0 && uc_combining_class(before) == UC_CCC_VR;
  if (uc_is_property_default_ignorable_code_point(c) || uc_is_property_not_a_character(c)) return false;
  const uc_general_category_t forbidden =
      uc_general_category_or(uc_general_category_or(UC_CATEGORY_Cc, UC_CATEGORY_Cf), uc_general_category_or(UC_CATEGORY_Cn, UC_CATEGORY_Co));
  if (uc_is_general_category(c, forbidden)) return false;
  return c != 0x2028 && c != 0x2029;
}

}  // namespace

Result<std::string> prepareName(std::string_view name) {
  if (name.empty()) return fail(Errc::syntax, "empty user name");
  if (name.size() > maxNameOctets) return fail(Errc::tooLong, "user name too long");
  if (!isPlainUtf8(name)) return fail(Errc::syntax, "user name is not plain UTF-8");
  return toNfc(name);
}

Result<std::string> preparePassword(std::string_view password) {
  if (password.empty()) return fail(Errc::syntax, "empty password");
  if (password.size() > maxPasswordOctets) return fail(Errc::tooLong, "password too long");
  if (!isUtf8(password)) return fail(Errc::syntax, "password is not valid UTF-8");
  std::string out;
  ucs4_t before = 0;
  const auto* at = reinterpret_cast<const std::uint8_t*>(password.data());
  for (std::size_t left = password.size(); left > 0;) {
    ucs4_t c = 0;
    auto used = static_cast<std::size_t>(u8_mbtouc(&c, at, left));
    if (uc_is_general_category(c, UC_CATEGORY_Zs)) {
      out += ' ';
    } else if (allowed(c, before)) {
      out.append(reinterpret_cast<const char*>(at), used);
    } else {
      return fail(Errc::syntax, "character not allowed in a password");
    }
    before = c;
    at += used;
    left -= used;
  }
  return toNfc(out);
}

}  // namespace mox::sasl
