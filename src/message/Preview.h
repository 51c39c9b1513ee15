// The first words of a message, RFC 8970. Never fails; "" if there is no text.
#pragma once

#include <string>
#include <string_view>

#include "message/Parsed.h"

namespace mox::message {

inline constexpr std::size_t maxPreview = 256;                ///< characters
inline constexpr std::size_t maxPreviewText = 100 << 10;      ///< octets of a text part that are decoded
inline constexpr std::size_t maxPreviewHtml = 1 << 20;        ///< octets of an HTML part that are decoded
inline constexpr std::size_t maxPreviewAttempts = 20;         ///< parts tried: a thousand empty ones must not cost a thousand decodings

/// Of the first part, depth first, that has words. Attachments and encrypted parts are passed over; of a signed
/// part the first counts. `data` starts at message offset `base`.
std::string preview(const Part& root, std::string_view data, std::uint64_t base);

/// Of a text (UTF-8): without quoted lines and the line that introduces them ("[...]" instead), blank lines and the
/// signature; on one line.
std::string previewText(std::string_view text);

}  // namespace mox::message
