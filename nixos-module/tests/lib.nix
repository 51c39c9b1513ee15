# A small stand-in for the part of nixpkgs' lib that a module uses, so that services.mox can be evaluated where nixpkgs is
# not: options, submodules, freeform types, priorities, and the errors for unknown options, wrong types, missing and
# conflicting definitions and options declared twice. Only for tests.
let
  b = builtins;
  isA = v: b.isAttrs v;
  ty = v: if isA v then v._type or null else null;
  setDef = d: s: b.listToAttrs (map (n: { name = n; value = d n; }) s);
  unique = b.foldl' (a: x: if b.elem x a then a else a ++ [ x ]) [ ];
  showP = b.concatStringsSep ".";
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  # push a definition down to a list of { file; prio; value }
  discharge = d: let t = ty d.value; in
    if t == "if" then (if d.value.condition then discharge (d // { value = d.value.content; }) else [ ])
    else if t == "merge" then b.concatMap (c: discharge (d // { value = c; })) d.value.contents
    else if t == "override" then discharge (d // { value = d.value.content; prio = d.value.priority; })
    else [ d ];
  # same for a config tree: yields plain attrsets
  tree = file: v: let t = ty v; in
    if t == "if" then map (x: mapLeaves (y: { _type = "if"; inherit (v) condition; content = y; }) x) (tree file v.content)
    else if t == "merge" then b.concatMap (tree file) v.contents
    else [ v ];
  mapLeaves = f: v: b.mapAttrs (_: f) v;
  mkType = { name, check ? (_: true), merge ? null, desc ? name, sub ? null }: { _type = "type"; inherit name check desc sub;
    merge = if merge != null then merge else loc: defs: if b.length defs == 1 || b.all (d: d.value == (b.head defs).value) defs then (b.head defs).value else throw "option `${showP loc}' has conflicting definitions"; };
  mergeType = loc: type: defs0: let
      ds = b.concatMap discharge defs0; hi = b.foldl' (m: d: if d.prio < m then d.prio else m) 9999 ds; defs = b.filter (d: d.prio == hi) ds;
      bad = b.filter (d: !(type.check d.value)) defs;
    in if bad != [ ] then throw "definition for option `${showP loc}' is not of type `${type.desc}', in ${(b.head bad).file}" else type.merge loc defs;
  types = rec {
    anything = mkType { name = "anything"; merge = loc: defs: if b.all (d: isA d.value && ty d.value == null) defs then (attrsOf anything).merge loc defs else (b.head defs).value; };
    raw = mkType { name = "raw"; }; unspecified = raw; attrs = attrsOf anything;
    bool = mkType { name = "bool"; check = b.isBool; desc = "boolean"; };
    float = mkType { name = "float"; check = b.isFloat; desc = "floating point number"; };
    int = mkType { name = "int"; check = b.isInt; desc = "signed integer"; };
    str = mkType { name = "str"; check = b.isString; desc = "string"; };
    path = mkType { name = "path"; check = v: (b.isString v || b.isPath v || isA v && v ? outPath) && b.substring 0 1 (toString v) == "/"; desc = "absolute path"; };
    package = mkType { name = "package"; check = v: (v.type or "") == "derivation" || v ? outPath; };
    lines = mkType { name = "lines"; check = b.isString; merge = _: ds: b.concatStringsSep "\n" (map (d: d.value) ds); };
    strMatching = re: mkType { name = "strMatching"; check = v: b.isString v && b.match re v != null; desc = "string matching ${re}"; };
    nonEmptyStr = strMatching ".*[^ ].*";
    enum = vs: mkType { name = "enum"; check = v: b.elem v vs; desc = "one of ${b.toJSON vs}"; };
    ints.between = lo: hi: mkType { name = "int"; check = v: b.isInt v && v >= lo && v <= hi; desc = "integer between ${toString lo} and ${toString hi}"; };
    ints.unsigned = ints.between 0 9223372036854775807; ints.positive = ints.between 1 9223372036854775807;
    port = ints.between 0 65535;
    nullOr = t: mkType { name = "nullOr"; desc = "null or ${t.desc}"; check = v: v == null || t.check v; sub = t; merge = loc: ds: if b.any (d: d.value == null) ds then (if b.all (d: d.value == null) ds then null else throw "option `${showP loc}' is both null and not null") else t.merge loc ds; };
    either = a: c: mkType { name = "either"; desc = "${a.desc} or ${c.desc}"; check = v: a.check v || c.check v; merge = loc: ds: if b.all (d: a.check d.value) ds then a.merge loc ds else c.merge loc ds; };
    oneOf = ts: b.foldl' either (b.head ts) (b.tail ts);
    listOf = t: mkType { name = "listOf"; desc = "list of ${t.desc}"; check = b.isList; merge = loc: ds: b.concatMap (d: map (v: mergeType (loc ++ [ "*" ]) t [ (d // { value = v; prio = 100; }) ]) d.value) ds; };
    attrsOf = t: mkType { name = "attrsOf"; desc = "attribute set of ${t.desc}"; check = isA; merge = loc: ds: let
        names = unique (b.concatMap (d: b.attrNames d.value) ds);
        one = n: mergeType (loc ++ [ n ]) t (b.concatMap (d: if d.value ? ${n} then [ { inherit (d) file; prio = 100; value = d.value.${n}; } ] else [ ]) ds);
        live = b.filter (n: b.concatMap (d: if d.value ? ${n} then discharge { inherit (d) file; prio = 100; value = d.value.${n}; } else [ ]) ds != [ ]) names;
      in setDef one live; };
    lazyAttrsOf = attrsOf;
    submodule = m: mkType { name = "submodule"; check = v: isA v || b.isFunction v; merge = loc: ds: (evalModules { prefix = loc; specialArgs = { name = b.elemAt loc (b.length loc - 1); }; modules = (if b.isList m then m else [ m ]) ++ map (d: { _file = d.file; config = d.value; }) ds; }).config; };
    coercedTo = from: f: to: mkType { name = "coercedTo"; desc = "${to.desc} or ${from.desc}"; check = v: from.check v || to.check v; merge = loc: ds: to.merge loc (map (d: d // { value = if from.check d.value && !(to.check d.value) then f d.value else d.value; }) ds); };
  };
  evalModules = { modules, specialArgs ? { }, prefix ? [ ] }: let
      args = { inherit lib config options; } // specialArgs;
      load = m: let raw = if b.isPath m || b.isString m then import m else m; file = if b.isPath m || b.isString m then toString m else "inline module";
          v = if b.isFunction raw then raw (b.intersectAttrs (b.functionArgs raw) args // (if b.functionArgs raw == { } then args else { })) else raw;
          full = if v ? config || v ? options then v else { config = removeAttrs v [ "imports" "_file" "key" "disabledModules" ]; } // b.intersectAttrs { imports = 0; _file = 0; } v;
          known = [ "config" "options" "imports" "_file" "meta" "key" "disabledModules" "freeformType" ];
          extra = b.filter (n: !(b.elem n known)) (b.attrNames full);
        in if extra != [ ] then throw "module ${full._file or file} has unsupported attributes ${showP extra}" else
        [ { file = full._file or file; options = full.options or { }; config = full.config or { }; free = full.freeformType or null; } ] ++ b.concatMap load (full.imports or [ ]);
      mods = b.concatMap load modules;
      free = b.foldl' (a: m: if m.free != null then m.free else a) null mods;
      cfgs = b.concatMap (m: map (v: { inherit (m) file; value = v; }) (tree m.file m.config)) mods;
      # merge the option trees
      opts = let go = prefix: os: let names = unique (b.concatMap b.attrNames os); in setDef (n: let here = b.concatMap (o: if o ? ${n} then [ o.${n} ] else [ ]) os; leaf = b.filter (o: ty o == "option") here; in if b.length leaf > 1 then throw "the option `${showP (prefix ++ [ n ])}' is already declared" else if leaf != [ ] then b.head leaf else go (prefix ++ [ n ]) here) names; in go prefix (map (m: m.options) mods);
      pick = n: b.concatMap (c: b.concatMap (x: if x.value ? ${n} then [ { inherit (c) file; value = x.value.${n}; } ] else [ ]) (map (v: { value = v; }) (expand c.value)));
      expand = v: let t = ty v; in if t == "merge" then b.concatMap expand v.contents else if t == "if" then map (mapLeaves (content: { _type = "if"; inherit (v) condition; inherit content; })) (expand v.content) else if t == "override" then map (mapLeaves (mkOverride v.priority)) (expand v.content) else [ v ];
      build = loc: os: cs: let
          fromOpts = b.mapAttrs (n: o: let l = loc ++ [ n ]; defs = pick n cs; in
            if ty o == "option" then let
                ds = (if o ? default then [ { file = "default"; prio = 1500; value = o.default; } ] else [ ]) ++ map (d: { inherit (d) file value; prio = 100; }) defs; live = b.concatMap discharge ds;
                v = if o.readOnly or false && b.length defs > 1 then throw "the option `${showP l}' is read-only, but it is set several times" else if live == [ ] then throw "option `${showP l}' is used but not defined" else mergeType l (o.type or types.raw) ds;
              in if o ? apply then o.apply v else v
            else build l o defs) os;
          unknown = b.filter (n: !(os ? ${n})) (unique (b.concatMap (c: b.concatMap b.attrNames (expand c.value)) cs));
        in if unknown == [ ] then fromOpts else if free != null && loc == prefix then fromOpts // setDef (n: mergeType (loc ++ [ n ]) (types.anything) (map (d: { inherit (d) file value; prio = 100; }) (pick n cs))) unknown
           else throw "the option `${showP (loc ++ [ (b.head unknown) ])}' does not exist";
      config = build prefix opts cfgs; options = opts;
    in { inherit config options; };
  lib = rec {
    inherit types evalModules mkOverride unique;
    mkOption = o: o // { _type = "option"; };
    mkEnableOption = n: mkOption { type = types.bool; default = false; description = "Whether to enable ${n}."; };
    mkPackageOption = pkgs: n: _: mkOption { type = types.package; default = pkgs.${n}; };
    mkIf = condition: content: { _type = "if"; inherit condition content; };
    mkMerge = contents: { _type = "merge"; inherit contents; };
    mkDefault = mkOverride 1000; mkForce = mkOverride 50; mkOptionDefault = mkOverride 1500;
    literalExpression = text: { _type = "literalExpression"; inherit text; }; mdDoc = x: x;
    optional = c: x: if c then [ x ] else [ ]; optionals = c: x: if c then x else [ ]; optionalAttrs = c: x: if c then x else { }; optionalString = c: x: if c then x else "";
    mapAttrs' = f: a: b.listToAttrs (map (n: f n a.${n}) (b.attrNames a)); nameValuePair = name: value: { inherit name value; };
    mapAttrsToList = f: a: map (n: f n a.${n}) (b.attrNames a); filterAttrs = p: a: b.listToAttrs (b.concatMap (n: if p n a.${n} then [ (nameValuePair n a.${n}) ] else [ ]) (b.attrNames a));
    genAttrs = ns: f: setDef f ns; concatStringsSep = b.concatStringsSep; hasPrefix = p: s: b.substring 0 (b.stringLength p) s == p;
    hasSuffix = x: s: let n = b.stringLength s - b.stringLength x; in n >= 0 && b.substring n (-1) s == x;
    removeSuffix = x: s: if hasSuffix x s then b.substring 0 (b.stringLength s - b.stringLength x) s else s;
    getExe = p: "${p}/bin/${p.meta.mainProgram or p.pname or p.name}"; getExe' = p: n: "${p}/bin/${n}"; escapeShellArg = s: "'${b.replaceStrings [ "'" ] [ "'\\''" ] (toString s)}'";
    attrNames = b.attrNames; attrValues = b.attrValues; any = b.any; all = b.all; elem = b.elem; flatten = x: if b.isList x then b.concatMap flatten x else [ x ]; recursiveUpdate = l: r: l // b.mapAttrs (n: v: if isA v && isA (l.${n} or null) then recursiveUpdate l.${n} v else v) r;
  };
in lib // { licenses.mit = "MIT"; platforms.linux = [ ]; }
