-- What kcli resolve-egress-path says of a running kumod with this policy, as far as its event for the path
-- goes: lua kumo-path.lua INIT DOMAIN. The shaping helper is played: a provider's block wins.
local init, domain = arg[1], arg[2]
local events, kumo = {}, { dns = { set_mta_sts_enabled = function() end } }
function kumo.on(event, f) events[event] = f end
function kumo.make_egress_path(p) return { path = p } end
package.preload.kumo = function() return kumo end

local function path_of(name)
  local google = name == 'row1.s.test'
  return { enable_tls = google and 'Required' or 'Opportunistic', enable_mta_sts = true, enable_dane = google,
    remember_broken_tls = google and '3 days' or nil, smtp_port = 25 }
end
local helper = {}
function helper.setup_with_automation()
  return { get_egress_path_config = function(name, _, _, skip_make)
    return skip_make and path_of(name) or kumo.make_egress_path(path_of(name))
  end }
end
package.preload['policy-extras.shaping'] = function() return helper end

dofile(init)
local fields = {}
for k, v in pairs(events.get_egress_path_config(domain, 'unspecified', 'mx.' .. domain).path) do
  fields[#fields + 1] = ('"%s": %s'):format(k, type(v) == 'string' and '"' .. v .. '"' or tostring(v))
end
table.sort(fields)
print(('{"path_config": {%s}, "queue_config": {"egress_pool": null, "protocol": {"smtp": {"mx_list": []}}}, "mx": null}')
  :format(table.concat(fields, ', ')))
