# A configuration as the text of a JSON file, indented so that problems can be told by line and two versions compared.
# What is null was not said, and is left out.
let
  isSaid = v: v != null;

  strip =
    v:
    if builtins.isAttrs v then
      builtins.listToAttrs (
        map (name: {
          inherit name;
          value = strip v.${name};
        }) (builtins.filter (name: isSaid v.${name}) (builtins.attrNames v))
      )
    else if builtins.isList v then
      map strip v
    else
      v;

  lines =
    indent: open: close: items:
    if items == [ ] then
      open + close
    else
      "${open}\n${indent}  ${builtins.concatStringsSep ",\n${indent}  " items}\n${indent}${close}";

  text =
    indent: v:
    if builtins.isAttrs v then
      lines indent "{" "}" (map (name: "${builtins.toJSON name}: ${text "${indent}  " v.${name}}") (builtins.attrNames v))
    else if builtins.isList v then
      lines indent "[" "]" (map (text "${indent}  ") v)
    else
      builtins.toJSON v;
in
{
  inherit strip;
  text = v: text "" (strip v) + "\n";
}
