// Parsed: everything a server wants to know of a message, found in one pass.
//
// parse() never fails: mail in the wild is often broken, and what cannot be
// understood is described as plainly as possible (text/plain, no envelope
// addresses). It is linear in the size of the message, and bounded by the
// limits below; what lies beyond a limit stays part of the last part that fits.
//
// Offsets are octets from the start of the message as stored (the trace prefix
// included). Values that come from header fields are unfolded raw octets without
// NUL: no encoded word is decoded here, so ENVELOPE says what the message says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Date.h"

namespace mox::message {

// Limits of parse(); hostile-inputs: MIME bombs. They cut what is kept of a message and refuse nobody, so nothing counts them:
// there is nobody to tell, and all that senders could do with such a count is to drive it up.
inline constexpr std::size_t maxNesting = 100;          ///< levels of multipart and message/rfc822
inline constexpr std::size_t maxParts = 10'000;         ///< parts of one message
inline constexpr std::size_t maxHeaderBytes = 4 << 20;  ///< octets of one header block that are looked at
inline constexpr std::size_t maxAddresses = 10'000;     ///< addresses kept of one header field
inline constexpr std::size_t maxParameters = 200;       ///< parameters of one Content-Type or Content-Disposition
inline constexpr std::size_t maxReferences = 200;       ///< message ids kept of References

/// One address of an ENVELOPE, RFC 9051 §7.5.2. A group is a start entry (mailbox = name, no host), its
/// members, and an end entry (no mailbox, no host).
struct EnvelopeAddress {
  std::optional<std::string> name;     ///< display name, quotes and backslashes removed, raw octets
  std::optional<std::string> mailbox;  ///< localpart unquoted, or group name
  std::optional<std::string> host;     ///< "" if a mailbox has none: nothing would say group
};

struct Envelope {
  std::optional<std::string> date, subject;  ///< raw value, unfolded, trimmed
  std::vector<EnvelopeAddress> from, sender, replyTo, to, cc, bcc;  ///< sender and replyTo default to from
  std::optional<std::string> inReplyTo, messageId;  ///< raw values
};

struct Parameter {
  std::string name;   ///< lower case; RFC 2231 pieces joined
  std::string value;  ///< decoded to UTF-8 if RFC 2231 said a charset, else raw octets
  bool isExtended = false;  ///< it said one; not kept by encode()
};

/// Content-Disposition, RFC 2183.
struct Disposition {
  std::string type;  ///< lower case
  std::vector<Parameter> parameters;
};

/// A node of the MIME tree, RFC 2045–2047, RFC 9051 §7.5.2 BODYSTRUCTURE.
struct Part {
  std::uint64_t headerStart = 0;  ///< first octet of the part's header (the message itself: 0)
  std::uint64_t bodyStart = 0;    ///< first octet after the empty line
  std::uint64_t end = 0;          ///< one past the last octet of the body (without the CRLF before the next boundary)
  std::uint32_t lines = 0;        ///< lines of the body (number of LF, plus one for an unfinished last line)

  std::string type = "text", subtype = "plain";  ///< lower case
  std::vector<Parameter> parameters;
  std::string encoding = "7bit";  ///< Content-Transfer-Encoding, lower case
  std::optional<std::string> id, description, md5, location;
  std::optional<Disposition> disposition;
  std::vector<std::string> languages;

  /// Of a multipart: its parts; none if it has no usable boundary. Of message/rfc822 and message/global: the embedded
  /// message, whose envelope is below; none beyond maxNesting or maxParts, or if it is base64 or quoted-printable.
  std::vector<Part> children;
  /// Set where this part is an embedded message (the only child of a message/rfc822), and in the root.
  std::optional<Envelope> envelope;

  bool isMultipart() const { return type == "multipart"; }
  bool isMessage() const { return type == "message" && (subtype == "rfc822" || subtype == "global"); }
  const std::string* parameter(std::string_view name) const;
};

struct Parsed {
  Part root;  ///< its envelope is always set

  /// Canonical: without < >, localpart and domain as given but lower-cased. Empty if there is none.
  std::string messageId;
  /// References then In-Reply-To, oldest first, canonical, without repeats.
  std::vector<std::string> references;
  /// messageIdHash of what it answers to, oldest first, as THREAD wants it (RFC 5256 §3): all of References, else the first
  /// of In-Reply-To; the last maxReferences.
  std::vector<std::uint64_t> ancestors;
  /// RFC 5256 §2.1 base subject, decoded, folded to lower case; and whether something was stripped that
  /// says this is a reply or forward.
  std::string subjectBase;
  bool isReplyOrForward = false;
  /// The single address of the single From field, if there is just that and the whole header was looked at. RFC 5322 §3.6.2.
  std::optional<Address> from;
  /// How many From fields and how many addresses in them.
  unsigned fromFields = 0, fromAddresses = 0;
  std::optional<ZonedTime> date;
  /// First words of the text, UTF-8 without line breaks, at most 256 characters (store.md §5, RFC 8970).
  std::string preview;

  bool hasHeader = false;      ///< at least one valid field
  bool headerCut = false;      ///< the header goes on beyond maxHeaderBytes: what is there was not looked at
  bool hasBody = false;        ///< the empty line that ends the header was there
  bool has8bit = false;        ///< any octet above 127 anywhere
  bool utf8Headers = false;    ///< any octet above 127 in a header of any part (needs SMTPUTF8)
  bool hasNul = false;
  bool hasBareLf = false, hasBareCr = false;
  bool isDsn = false;          ///< multipart/report; report-type=delivery-status
  bool isMailingList = false;  ///< List-Id or List-Post, or Precedence: list
  unsigned receivedFields = 0;
};

/// `prefix` is header fields put in front of `data` (trace fields), each ended by CRLF, or "". Both are looked
/// at in place; nothing of them is kept by reference. Accepts LF and CRLF line ends.
Parsed parse(std::string_view prefix, std::string_view data);
inline Parsed parse(std::string_view message) { return parse({}, message); }

/// The tree in a compact binary form for the database, and back; nothing if the form is damaged or newer.
std::string encode(const Part& root);
std::optional<Part> decode(std::string_view form);

/// RFC 9051 §6.4.5.1 section-part numbers: {} is the root, {1} of a message without multipart is the root
/// itself. Null if there is none. Descends through message/rfc822.
const Part* find(const Part& root, const std::vector<std::uint32_t>& numbers);

}  // namespace mox::message
