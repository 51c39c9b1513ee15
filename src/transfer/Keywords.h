// Keywords as other programs write them in their files.
#pragma once

#include <string>
#include <string_view>

#include "imap/Flags.h"

namespace mox::transfer {

/// Adds a flag or keyword. What has become $Forwarded, $Junk, $NotJunk, $Phishing and $MDNSent was written without "$"
/// before there were names for all, and NonJunk is what Thunderbird calls $NotJunk: they are those flags. What is neither
/// flag nor keyword is left out.
void addForeign(std::string_view word, imap::Flags& flags);

/// Adds all of a list, which has blanks between its words, or commas as the mox in Go and Gmail's labels have.
void addForeignList(std::string_view list, imap::Flags& flags);

/// As a list that addForeignList() reads again, also where keywords have commas.
std::string keywordList(const imap::Flags& flags);

}  // namespace mox::transfer
