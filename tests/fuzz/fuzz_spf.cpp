// room: spf
// Input lines: localpart, then a TXT record each for e.example, inner.example and why.example.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Text.h"
#include "dns/FakeResolver.h"
#include "spf/Macro.h"
#include "spf/Record.h"
#include "spf/Spf.h"

using namespace mox;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto lines = split({reinterpret_cast<const char*>(data), size}, '\n');
  if (lines.size() < 2) return 0;
  FakeClock clock;
  dns::FakeResolver dns;
  constexpr const char* names[] = {"e.example", "inner.example", "why.example"};
  for (std::size_t i = 1; i < lines.size() && i <= 3; ++i) {
    if (auto record = spf::parseRecord(lines[i])) {
      for (const auto& directive : record->directives) require(directive.domainSpec.empty() || spf::checkDomainSpec(directive.domainSpec));
    }
    dns.txt(names[i - 1], std::string(lines[i]));
  }
  dns.mx("e.example", 1, "host.e.example").a("host.e.example", "192.0.2.1").ptr("192.0.2.1", "host.e.example");
  auto localpart = Localpart::make(lines[0]);
  spf::Arguments arguments{*IpAddress::parse("192.0.2.1"), std::nullopt, *Domain::make("e.example"), *Domain::make("mx.example")};
  if (localpart) arguments.mailFrom = Address{*localpart, *Domain::make("e.example")};
  auto verdict = spf::check(dns, clock, arguments, clock.steady() + std::chrono::minutes(1));
  // Ten terms, each at most 1 + 10 lookups, the records themselves, ten names for ptr and one explanation.
  require(dns.queries().size() <= 150);
  require(verdict.explanation.size() <= spf::maxExplanation);
  for (char c : verdict.explanation) require(c >= 0x20 && c < 0x7f);
  auto field = spf::receivedSpf(arguments, verdict);
  require(field.ends_with("\r\n"));
  for (std::size_t at = 0; (at = field.find('\n', at)) != std::string::npos; ++at) {
    require(field[at - 1] == '\r' && (at + 1 == field.size() || field[at + 1] == '\t'));
  }
  require(field.find('\0') == std::string::npos);
  return 0;
}
