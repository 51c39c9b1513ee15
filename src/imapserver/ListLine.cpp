#include "imapserver/ListLine.h"

#include "imapserver/SpecialUse.h"

namespace mox::imapserver {

void openListLine(std::string& out, std::string_view attributes, std::string_view name, imap::OutputMode mode) {
  out.append("* LIST (").append(attributes).append(") \"/\" ");
  imap::writeMailbox(out, name, mode);
}

void writeListLine(std::string& out, const ListName& entry, imap::OutputMode mode) {
  std::string attributes;
  auto add = [&](std::string_view one) { attributes.append(attributes.empty() ? "" : " ").append(one); };
  if (entry.row == nullptr) add("\\NonExistent");
  else if (entry.tellChildren) add(entry.row->hasChildren ? "\\HasChildren" : "\\HasNoChildren");
  if (entry.subscribed) add("\\Subscribed");
  if (entry.row != nullptr && entry.row->uses != 0) add(specialUsesText(entry.row->uses));
  openListLine(out, attributes, entry.name, mode);
  if (entry.oldName) {
    out += " (\"OLDNAME\" (";
    imap::writeMailbox(out, *entry.oldName, mode);
    out += "))";
  }
  out += "\r\n";
}

}  // namespace mox::imapserver
