-- What kumod does with --policy FILE --script, as far as egress sources go: lua kumod.lua FILE [old].
local events, kumo = {}, {}
function kumo.on(event, f) events[event] = f end
function kumo.make_egress_source(t) return t end
function kumo.make_egress_pool(t) return t end
if arg[2] ~= 'old' then
  function kumo.invoke_get_egress_source(name) return events.get_egress_source(name) end
  function kumo.invoke_get_egress_pool(name) return events.get_egress_pool(name) end
end
package.preload.kumo = function() return kumo end
dofile(arg[1])
events.main()
