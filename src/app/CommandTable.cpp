// All commands with their help.
#include "app/Commands.h"

// Help that the queue commands share; a literal, so that it can be joined to others.
#define MOX_FILTER_HELP                                                                                                       \
  "\n\nMessages are chosen by options; without any, all are: -account name, -from address, -to address (\"@example.org\" is\n" \
  "a whole domain, text without \"@\" a part of an address), -hold true|false, -ids 1,2, -n max, -nextattempt and\n"         \
  "-submitted with \"<1h\" or \">now\", counted from now, -transport name."

#define MOX_IMPORT_HELP                                                                                                        \
  "\n\nThe path is a maildir, an mbox, a folder of them, or a zip, tar or tgz file of them. The mailbox is made if it is not\n"   \
  "there; mailboxes found below the path come below it, or, if it is Inbox or \"\", to the top under their own names. Flags,\n"  \
  "keywords and dates are kept, bare LF becomes CRLF, mail in a mailbox called Junk or Spam is marked as junk. What cannot be\n" \
  "read, or is no mail that is known here, is named, the rest goes on; then the status is 1. Hard links in a tar file are\n"  \
  "read as what they are links of; symbolic links are not followed, but named.\n\n"                                           \
  "An import can be repeated: one that was interrupted goes on, and a message that an earlier import brought into a mailbox\n"  \
  "is not brought again, even if it was moved or deleted since. Equal messages in one import are all taken. With -again\n"       \
  "everything is imported once more."
#define MOX_EXPORT_HELP                                                                                                          \
  "\n\nThe destination must not exist (an empty folder may). It becomes a folder, or a file if it ends in .zip, .tar, .tgz or\n" \
  ".tar.gz. Without a mailbox all are exported; with one those below it too, unless -single. The running server does it, else\n" \
  "it is done here. Flags, keywords and dates are kept: importing the export gives the same mail again."

#define MOX_MANAGED_HELP                                                                                                       \
  "\n\nWrites domains.conf: comments and order stay, and only what makes a valid configuration is written. The running server\n"  \
  "does it and works by the whole file at once, and what had been edited in it and not reloaded is applied and told too; without\n" \
  "one it counts from the next start. A declared configuration is changed in its files only."

namespace mox::app {

namespace {

int version(Invocation&) { return 2; }  // answered before the table is asked
int help(Invocation&) { return 2; }

int reloadCommand(Invocation& call) { return forwardToServer(call, "reload"); }
int logLevels(Invocation& call) { return forwardToServer(call, "loglevels"); }
int reindexCommand(Invocation& call) { return forwardToServer(call, "reindex"); }
int queueListCommand(Invocation& call) { return forwardToServer(call, "queue list"); }
int queueHoldCommand(Invocation& call) { return forwardToServer(call, "queue hold"); }
int queueUnholdCommand(Invocation& call) { return forwardToServer(call, "queue unhold"); }
int queueScheduleCommand(Invocation& call) { return forwardToServer(call, "queue schedule"); }
int queueTransportCommand(Invocation& call) { return forwardToServer(call, "queue transport"); }
int queueRequireTlsCommand(Invocation& call) { return forwardToServer(call, "queue requiretls"); }
int queueFailCommand(Invocation& call) { return forwardToServer(call, "queue fail"); }
int queueDropCommand(Invocation& call) { return forwardToServer(call, "queue drop"); }
int queueDumpCommand(Invocation& call) { return forwardToServer(call, "queue dump"); }
int keyList(Invocation& call) { return forwardToServer(call, "config tlspubkey list"); }
int keyGet(Invocation& call) { return forwardToServer(call, "config tlspubkey get"); }
int keyRemove(Invocation& call) { return forwardToServer(call, "config tlspubkey rm"); }

std::vector<Command> table() {
  return {
      {"serve", "", "Runs the mail server.\n\nStarted as root it binds its ports, then becomes the configured User for good. HUP reloads the\n"
                    "configuration; INT and TERM stop within 3 seconds. Sockets passed by systemd are used where they fit.", commandServe},
      {"quickstart", "[-skipdial] [-existing-webserver] [-hostname host] user@domain [user | uid]",
       "Makes a configuration for a domain, in the current directory.\n\nWrites config/ with keys and passwords, data/ with the account, prints the DNS "
       "records to publish and\nwhat to do next. Checks DNS and network, and warns of what will hinder mail. The last argument is the system\n"
       "user that the server runs as, \"mox\" if not given.", commandQuickstart},
      {"stop", "", "Stops the running server and waits until it is gone; connections have 3 seconds to end.\n\nWhen it has printed \"stopped\" the data "
                   "directory is nobody's, and may be copied or served again. The status is 1 if that takes more\nthan 10 seconds.", commandStop},
      {"reload", "", "Has the running server take over the configuration, and prints what changed.\n\nA configuration with errors is refused as a whole: "
                     "they are printed, the status is 1, and the server goes on with the\none it has. Sessions stay open, except those of accounts that are "
                     "not there any more. What is in mox.conf (or in the\nsame part of mox.json) takes effect at the next start only. \"mox config plan\" "
                     "shows what a reload will do.", reloadCommand},
      {"setaccountpassword", "account", "Sets an account's password, read from standard input: at least 8 characters.", commandSetAccountPassword},
      {"setadminpassword", "", "Sets the admin password, read from standard input, by writing AdminPasswordFile.", commandSetAdminPassword},
      {"loglevels", "[level [package]]", "Shows log levels of the running server, or sets one.\n\nLevels are error, warn, info, debug, trace, traceauth and "
                                         "tracedata; an empty level clears that of a package. Packages are the parts of the program, which log lines name\n"
                                         "as pkg: imapserver, smtpserver, queue and others; one that there is not is refused with the list of them.", logLevels},
      {"reindex", "[account]",
       "Makes the full-text index of an account anew, or those of all accounts.\n\nNothing is lost without it: while it is made, searches read "
       "the messages themselves and take longer.", reindexCommand},
      {"queue list", "[filter options] [-asc] [-sort nextattempt|queued]", "Lists messages in the queue." MOX_FILTER_HELP, queueListCommand},
      {"queue hold", "[filter options]", "Puts messages on hold: no attempts until unhold." MOX_FILTER_HELP, queueHoldCommand},
      {"queue unhold", "[filter options]", "Takes messages off hold." MOX_FILTER_HELP, queueUnholdCommand},
      {"queue schedule", "[filter options] [-now] duration",
       "Moves the next attempt by a duration, or with -now to so long from now; \"-now 0\" is at once." MOX_FILTER_HELP, queueScheduleCommand},
      {"queue transport", "[filter options] transport", "Sets the transport, \"\" for what the routes say." MOX_FILTER_HELP, queueTransportCommand},
      {"queue requiretls", "[filter options] yes|no|default",
       "Sets whether verified TLS is needed on the way: yes (RFC 8689 REQUIRETLS), no (TLS is not needed), default." MOX_FILTER_HELP, queueRequireTlsCommand},
      {"queue fail", "[filter options]", "Gives messages up, with a notice to their senders." MOX_FILTER_HELP, queueFailCommand},
      {"queue drop", "[filter options]", "Removes messages without a word to anybody." MOX_FILTER_HELP, queueDropCommand},
      {"queue dump", "id", "Prints a message as it would be sent.", queueDumpCommand},
      {"import maildir", "[-again] account mailbox path",
       "Imports a maildir, by the running server, whose user must be able to read the files." MOX_IMPORT_HELP, commandImportMaildir},
      {"import mbox", "[-again] account mailbox path",
       "Imports an mbox, by the running server, whose user must be able to read the files." MOX_IMPORT_HELP, commandImportMbox},
      {"import imap", "[-again] [-remove] [-starttls] [-cafile file] [-mailbox mailbox] account host[:port] user < password",
       "Imports all mail of an account on another IMAP server, with flags and dates.\n\nIts password is read from standard input. Only TLS with a certificate that "
       "verifies will do. Mailboxes with a\nspecial use go into the account's own of that use, the others get their names. It can be repeated until users change\n"
       "over: what is new since the last time is brought, and flags that changed there are changed here. With -remove, messages\nthat an earlier import brought and that are gone there go here, too, unless they were read, flagged or moved here. What came\nfrom a mailbox that is gone or renamed there stays.", commandImportImap},
      {"export maildir", "[-single] destination account [mailbox]",
       "Exports an account's mail as maildirs." MOX_EXPORT_HELP
       "\nA maildir has letters for 26 keywords in a mailbox; what is lost beyond that is said.", commandExportMaildir},
      {"export mbox", "[-single] destination account [mailbox]", "Exports an account's mail as mbox files (mboxrd)." MOX_EXPORT_HELP, commandExportMbox},
      {"localserve", "[-dir directory] [-ip ip] [-initonly]",
       "Runs a mail server for developing and testing.\n\nIt makes its own configuration on first use, has the account mox with a known password, takes "
       "mail for any\naddress and sends nothing to other machines.", commandLocalserve},
      {"healthcheck", "", "Asks whether the server runs and its mail ports answer; status 1 and the reason if not.", commandHealthCheck},
      {"help", "[command ...]", "Tells of commands; the words may be the first ones of several.", help},
      {"version", "", "Prints the version.", version},
      {"verifydata", "[-fix] [-skip-size-check] data-dir",
       "Checks a data directory that no server uses, such as a backup.\n\nThat nothing lacks; databases of accounts, logins and queue, counts, quota, "
       "the structure of messages, and their files.\nNothing is changed, except with -fix: files of no message are moved into a folder \"moved\" beside them.", commandVerifyData},
      {"backup", "[-verbose] destination",
       "Makes a backup while the server runs, in a folder that it must be able to write; what root makes is given to it.\n\nConfiguration goes to "
       "destination/config, data to destination/data: a consistent copy of each database, large messages\nas links (or copies on another file system), keys. "
       "The search index is left out; it is made anew where it lacks. A backup\ninto the same folder again copies only what changed. Files that the "
       "configuration names outside of its folder are told and\nnot copied. Every problem makes the status 1, with the rest copied, and until it is whole "
       "the data has a file\n\"backup-unfinished\". Check it with \"mox verifydata\"; restore it by copying config and data back, as the README says.", commandBackup},
      {"account remove-data", "account",
       "Removes all mail and data of an account that is not configured any more, for good.\n\nTaking an account out of the configuration only makes "
       "it unreachable: its mail stays until this is said.", commandRemoveData},
      {"bumpuidvalidity", "account [mailbox]",
       "Gives mailboxes a new UIDVALIDITY, so that clients read them anew; the server must not run.", commandBumpUidValidity},
      {"reassignuids", "account [mailbox]",
       "Numbers the messages of mailboxes from 1, in the order of their UIDs, under a new UIDVALIDITY; the server must not run.", commandReassignUids},
      {"fixuidmeta", "account", "Brings UIDNEXT above all UIDs and gives each mailbox a UIDVALIDITY of its own; the server must not run.", commandFixUidMeta},
      {"fixmsgsize", "[account]", "Sets the sizes of messages, of one account or all, to what their octets are, and the counts with them.", commandFixMsgSize},
      {"recalculatemailboxcounts", "account", "Counts the messages of all mailboxes and the bytes for the quota anew.", commandRecalculateCounts},
      {"reparse", "[account]", "Parses all messages of one account or all and stores their structure anew.", commandReparse},
      {"ensureparsed", "[-all] account", "Parses the messages whose structure is not stored; with -all, all of them.", commandEnsureParsed},
      {"reassignthreads", "[account]", "Puts messages into threads anew, as if they were delivered again in their order; the server must not run.", commandReassignThreads},
      {"lostmessages", "[-remove] [account]",
       "Names the messages whose body file is missing, of one account or all; status 1 if there are any.\n\nVerifydata and backup tell of such files. "
       "Put them back from a backup, where data/accounts/NAME/bodies has them; with -remove the\nmessages are expunged, which also clients hear of.", commandLostMessages},
      {"retrain", "[account]", "There is no junk filter yet; says so.", commandRetrain},
      {"config check", "[-no-secrets] [path | -]",
       "Checks a configuration without a server; status 1 if it has errors, each with file and line.\n\nThat of -config, or of the path, or in JSON on "
       "standard input. With -no-secrets files with secrets, and the certificates\nof keys, are not looked for: for a machine that does not have them, such "
       "as the one that builds the configuration.", commandConfigCheck},
      {"config test", "[-no-secrets] [path | -]", "The same as config check.", commandConfigCheck},
      {"config plan", "[-exitcode]",
       "Shows what a start or reload with the configuration would change, without a server.\n\nIt is compared with the record of what was applied last, in "
       "the data directory, which it must be able to read, as it\nmust the files with secrets. One line a change; of secrets it says that they changed. "
       "What takes effect at the next\nstart only is marked. The status is 0, or 1 if the configuration has errors; with -exitcode it is 3 if there is "
       "anything\nto change.", commandConfigPlan},
      {"config dnsrecords", "domain", "Prints the DNS records that a configured domain should have.", commandDnsRecords},
      {"config dnscheck", "domain",
       "Checks the DNS records of a configured domain, and of this host, as the DNS has them now.\n\nSays of each what is right, what could be better and what "
       "is wrong, with the record to publish: MX and addresses, reverse\nnames, SPF for the addresses this host sends from, DKIM keys, DMARC, TLSRPT, MTA-STS "
       "(the record; the policy itself is not\nfetched), DANE and DNSSEC, SRV and other names for mail programs, CAA. Status 1 if something is wrong. Takes at "
       "most a\nminute; asks the resolver of this machine, which must be a validating one to say anything of DNSSEC.", commandDnsCheck},
      {"dns records", "[-format zone|json|nsupdate] [domain]",
       "Prints the DNS records that a configured domain, or all of them, should have, in a form that tools load.\n\nzone (the default) gives lines of a "
       "zone file, absolute and with their TTL. json gives an object with \"records\", each with\n\"name\", \"ttl\" in seconds, \"type\", \"data\" as in a "
       "zone file, for TXT the whole \"text\", \"purpose\" and perhaps \"condition\",\nand with \"problems\". nsupdate gives commands for nsupdate: they replace "
       "what is there under a name and type, except TXT\nand CAA records of domain and host themselves, which are only added to, since others have such too. "
       "Records that are\nright only under a condition are comments in the zone file and for nsupdate. Status 1 if a key cannot be read; all other\nrecords are printed.",
       commandDnsRecordsFormatted},
      {"config describe-static", "", "Prints mox.conf with all fields and their meaning.", commandDescribeStatic},
      {"config describe-domains", "", "Prints domains.conf with all fields and their meaning.", commandDescribeDomains},
      {"config schema", "", "Prints the JSON Schema of a configuration in JSON.", commandConfigSchema},
      {"config printservice", "", "Prints a systemd unit for this program and the configuration, with its user and folders.\n\nIf that does not load, what quickstart "
       "would have made is assumed; a comment at the top says so.", commandPrintService},
      {"config account list", "", "Lists the accounts, and which are disabled.", commandManaged},
      {"config account add", "account address",
       "Adds an account with an address of a configured domain, with the usual settings and mailboxes." MOX_MANAGED_HELP, commandManaged},
      {"config account rm", "account",
       "Removes an account: nobody can log in or send mail to it. Its mail stays until \"mox account remove-data\"." MOX_MANAGED_HELP, commandManaged},
      {"config account disable", "account message",
       "Lets nobody log in to an account; who tries sees the message. Mail still arrives." MOX_MANAGED_HELP, commandManaged},
      {"config account enable", "account", "Undoes \"config account disable\"." MOX_MANAGED_HELP, commandManaged},
      {"config address add", "address account", "Gives an account an address; \"@example.org\" is all of a domain that nobody else has." MOX_MANAGED_HELP, commandManaged},
      {"config address rm", "address", "Takes an address, or with \"@example.org\" the rest of a domain, from its account." MOX_MANAGED_HELP, commandManaged},
      {"config domain add", "[-disabled] domain account [localpart]",
       "Adds a domain, with new DKIM keys; reports about it go to the account.\n\nWith a localpart the account is new and has that address. With -disabled no mail "
       "comes or goes until it is enabled, but all\ncan be set up." MOX_MANAGED_HELP, commandManaged},
      {"config domain rm", "domain", "Removes a domain that no account has an address in. The files of its DKIM keys stay." MOX_MANAGED_HELP, commandManaged},
      {"config domain disable", "domain", "Refuses mail from and to a domain for the time being; users still log in." MOX_MANAGED_HELP, commandManaged},
      {"config domain enable", "domain", "Undoes \"config domain disable\"." MOX_MANAGED_HELP, commandManaged},
      {"config alias list", "domain", "Lists the aliases of a domain.", commandManaged},
      {"config alias print", "alias", "Shows an alias, such as team@example.org: its settings and members.", commandManaged},
      {"config alias add", "alias address ...", "Adds an alias for addresses of accounts here." MOX_MANAGED_HELP, commandManaged},
      {"config alias update", "[-postpublic true|false] [-listmembers true|false] [-allowmsgfrom true|false] alias",
       "Changes what may be done with an alias: who may send to it, who sees the members, whether they may send as it." MOX_MANAGED_HELP, commandManaged},
      {"config alias rm", "alias", "Removes an alias." MOX_MANAGED_HELP, commandManaged},
      {"config alias addaddr", "alias address ...", "Adds members to an alias." MOX_MANAGED_HELP, commandManaged},
      {"config alias rmaddr", "alias address ...", "Removes members from an alias." MOX_MANAGED_HELP, commandManaged},
      {"config tlspubkey list", "[account]", "Lists TLS client keys that log in.", keyList},
      {"config tlspubkey get", "fingerprint", "Shows one TLS client key.", keyGet},
      {"config tlspubkey add", "[-no-imap-preauth] address [name] < cert.pem",
       "Lets a TLS client certificate log in as an address.\n\nIMAP connections with it are logged in from the start, unless -no-imap-preauth.", commandTlsKeyAdd},
      {"config tlspubkey rm", "fingerprint", "Takes a TLS client key out.", keyRemove},
      {"config tlspubkey gen", "stem",
       "Makes an Ed25519 key and a certificate for a client that is to log in with them.\n\nThe files are named after the stem. Prints the fingerprint and "
       "the key as text, for programs that take it so.", commandTlsKeyGen},
      {"admin imapserve", "[-fd0] address",
       "Speaks IMAP on standard input and output, logged in as an address.\n\nFor tools that take a command instead of a host, such as over SSH when a "
       "mailbox is moved. With -fd0 answers\ngo to descriptor 0, which is then a socket that both come by.", commandImapServe},
      {"cid", "id", "Prints the connection number behind the id of a Received field of ours, to find its lines in the log.", commandCid},
  };
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> all = table();
  return all;
}

}  // namespace mox::app
