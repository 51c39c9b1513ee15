// How strictly commands are read. What is tolerated is what real clients send
// and what cannot be misunderstood.
#pragma once

namespace mox::smtp {

struct Leniency {
  bool spaceAfterColon = true;     ///< "MAIL FROM: <a@b>"
  bool trailingSpace = true;       ///< RFC 5321 §4.1.1: before the line end
  bool doubleSpaceAuth = true;     ///< "AUTH PLAIN  AGE..." (Windows Mail)
  bool longLocalpart = true;       ///< up to 128 octets, not 64
  bool underscoreDomain = true;    ///< "_" in domains
  bool textAfterLiteral = true;    ///< EHLO [192.0.2.1] some text
  bool anyHello = false;           ///< EHLO with any text, or none: the address counts
  bool bareIpv6Hello = false;      ///< EHLO 2001:db8::1

  static Leniency delivery() { return {}; }
  /// Clients of people announce themselves by whatever their machine is called.
  static Leniency submission() {
    Leniency lenient;
    lenient.anyHello = lenient.bareIpv6Hello = true;
    return lenient;
  }
  static Leniency pedantic() { return {false, false, false, false, false, false, false, false}; }
};

}  // namespace mox::smtp
