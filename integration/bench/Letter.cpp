#include "Letter.h"

namespace mox::bench {

std::string letter(std::size_t number, std::size_t size, const std::string& run) {
  static const std::string words = "some words of a body that is neither short nor long, and then a number too\r\n";
  const auto n = std::to_string(number);
  std::string out = "Received: from mx.a.test (mx.a.test [192.0.2.1]) by mail.user.test with ESMTPS id " + n +
                    "\r\n for <me@user.test>; Mon, 02 Jan 2006 15:04:06 +0000\r\n"
                    "From: Somebody Else <x" + std::to_string(number % 50) + "@a.test>\r\nTo: Me Myself <me@user.test>\r\nSubject: " +
                    (number % 50 == 0 ? "quarterly" : "ordinary") + " load " + n +
                    "\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\nMessage-ID: <" + run + "." + n +
                    "@a.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
  if (number % 200 == 0) out += "once in zanzibar\r\n";
  while (out.size() + words.size() <= size) out += words;
  return out;
}

}  // namespace mox::bench
