#include "base/Text.h"
#include "message/EnvelopeFields.h"
#include "message/Parsed.h"
#include "message/Preview.h"
#include "message/Tree.h"

namespace mox::message {

namespace {

bool isDeliveryReport(const Part& root) {
  const auto* type = root.parameter("report-type");
  return root.isMultipart() && root.subtype == "report" && type != nullptr && equalsNoCase(*type, "delivery-status");
}

/// The prefix is ours, but may quote the peer in UTF-8.
void addPrefixFlags(std::string_view prefix, OctetFlags& flags) {
  LineScan scan(prefix);
  while (scan.next()) {}
  flags.has8bit = flags.has8bit || scan.flags().has8bit;
  flags.hasNul = flags.hasNul || scan.flags().hasNul;
  flags.hasBareLf = flags.hasBareLf || scan.flags().hasBareLf;
  flags.hasBareCr = flags.hasBareCr || scan.flags().hasBareCr;
}

}  // namespace

Parsed parse(std::string_view prefix, std::string_view data) {
  Parsed out;
  TreeBuilder tree(prefix, data);
  out.root = tree.build();
  OctetFlags flags = tree.flags();
  addPrefixFlags(prefix, flags);
  out.has8bit = flags.has8bit;
  out.hasNul = flags.hasNul;
  out.hasBareLf = flags.hasBareLf;
  out.hasBareCr = flags.hasBareCr;
  out.utf8Headers = tree.utf8Headers();
  out.hasBody = tree.rootHasBody();
  readRootFields(prefix, data, out);
  out.isDsn = isDeliveryReport(out.root);
  out.preview = preview(out.root, data, prefix.size());
  return out;
}

}  // namespace mox::message
