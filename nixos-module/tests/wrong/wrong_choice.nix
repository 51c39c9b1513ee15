# Refused: option .services.mox.logLevel' is not of type .*tracedata
{ services.mox.logLevel = "verbose"; }
