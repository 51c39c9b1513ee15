# Refused: option .services.mox.settings.LogLevel' is not of type .*tracedata
{ services.mox.logLevel = "verbose"; }
