-- The module that preflight emits for KumoMTA, run against a kumo module of our own: lua kumo.lua FILE
-- FIELDS, where FIELDS are those it has to change, "enable_tls enable_dane enable_mta_sts". Says TAP.
local file, fields = arg[1], arg[2]
local count, events, lookups = 0, {}, nil

local function check(name, good)
  count = count + 1
  print((good and 'ok ' or 'not ok ') .. count .. ' - ' .. name)
end

local kumo = { dns = { set_mta_sts_enabled = function(on) lookups = on end } }
function kumo.on(event, f) events[event] = f end
function kumo.make_egress_path(p) return { made = p } end
package.preload.kumo = function() return kumo end

-- As the shaping helper: what providers and domains say wins over the defaults, and it keeps its tables.
local kept = {}
local blocks = {
  ['gmail.com'] = { enable_tls = 'Required', provider_name = 'google' },
  ['comcast.net'] = { enable_tls = 'Required' },
  ['163.com'] = { enable_tls = 'RequiredInsecure' },
  ['dane.example'] = { enable_dane = true },
}
local function shaper(domain, source, site, skip_make)
  local p = kept[domain .. source .. site]
  if not p then
    p = { enable_tls = 'Opportunistic', enable_mta_sts = true, enable_dane = false, remember_broken_tls = '3 days',
      connection_limit = 32 }
    for k, v in pairs(blocks[domain] or {}) do p[k] = v end
    kept[domain .. source .. site] = p
  end
  return skip_make and p or kumo.make_egress_path(p)
end

local test = dofile(file)
kumo.on('get_egress_path_config', test.path(shaper))
local want = { enable_tls = 'OpportunisticInsecure', enable_mta_sts = false, enable_dane = false }
for _, domain in ipairs { 'gmail.com', 'comcast.net', '163.com', 'dane.example', 'other.example' } do
  for _, source in ipairs { 'unspecified', 'ip-1' } do
    local p = events.get_egress_path_config(domain, source, 'mx.' .. domain).made
    local good = p.remember_broken_tls == nil and p.connection_limit == 32
    for field, value in pairs(want) do
      if fields:find(field, 1, true) then good = good and p[field] == value end
      if not fields:find(field, 1, true) then good = good and p[field] == kept[domain .. source .. 'mx.' .. domain][field] end
    end
    check(domain .. ' by ' .. source .. ' is relaxed, and only as needed', good)
  end
end
check("the shaping's own tables stay as they were", kept['gmail.comunspecifiedmx.gmail.com'].enable_tls == 'Required' and
  kept['gmail.comunspecifiedmx.gmail.com'].remember_broken_tls == '3 days')
check('a handler that makes its path all the same is an error',
  not pcall(test.path(function() return setmetatable({}, { __index = error }) and 1 end), 'a', 'b', 'c'))
if fields:find('enable_mta_sts', 1, true) then
  check('policies are not looked up either', events.pre_init and (events.pre_init() or true) and lookups == false)
  kumo.dns = nil
  check('nor is that an error in a release', pcall(events.pre_init))
else
  check('policies are looked up as before', events.pre_init == nil)
end
print('1..' .. count)
