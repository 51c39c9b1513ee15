// room: message
// Header fields lie in the header in order; words, addresses and parameters are bounded and clean; what is encoded decodes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Addresses.h"
#include "message/Compose.h"
#include "message/ContentFields.h"
#include "message/Decode.h"
#include "message/EncodedWords.h"
#include "message/HeaderFields.h"
#include "message/HtmlText.h"
#include "message/Subject.h"

using namespace mox;
using namespace mox::message;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void checkFields(std::string_view text) {
  HeaderFields fields(text);
  const char* at = nullptr;
  while (auto field = fields.next()) {
    require(!field->name.empty() && field->whole.starts_with(field->name));
    require(at == nullptr || field->whole.data() >= at);
    at = field->whole.data() + field->whole.size();
    require(field->value.data() >= field->whole.data() && field->value.data() + field->value.size() <= at);
  }
  require(at == nullptr || at <= text.data() + fields.end());
  require(fields.end() <= fields.bodyStart() && fields.bodyStart() <= text.size());
}

void checkDecoder(Encoding encoding, std::string_view text) {
  Decoder decoder(encoding);
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) decoder.feed(text.substr(i, 3), out);
  decoder.finish(out);
  require(out == mox::message::decode(encoding, text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  checkFields(text);
  require(isOneLine(unfold(text)));
  auto words = decodeWords(text);
  require(isOneLine(words) && isUtf8(words));
  require(decodeWords(encodeWords(words)) == words || words != trim(words) || words.find("=?") != std::string::npos);
  for (const auto& a : addresses(text).addresses)
    for (const auto& part : {a.name, a.mailbox, a.host}) require(!part || part->find('\0') == std::string::npos);
  if (auto from = singleFrom(text)) require(singleFrom("<" + from->text() + ">") == *from);
  if (auto type = contentType(text))
    for (const auto& p : type->parameters) require(p.value.find('\0') == std::string::npos && p.name.find('*') == std::string::npos);
  contentDisposition(text);
  languageTags(text);
  require(isUtf8(baseSubject(text).text));
  checkDecoder(Encoding::base64, text);
  checkDecoder(Encoding::quotedPrintable, text);
  auto lines = withCrlf(text);
  require(mox::message::decode(Encoding::quotedPrintable, quotedPrintable(lines)) == lines);
  require(mox::message::decode(Encoding::base64, base64Lines(text)) == text);
  if (isUtf8(text)) require(isUtf8(htmlToText(text)));
  return 0;
}
