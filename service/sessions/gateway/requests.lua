-- Refuses early what no worker should see of a request, and mends what a worker
-- would choke on. MAX_HEADER_BYTES, MAX_HEADERS and ROUTES come from lua.py.
-- https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter

-- Headers that proxies add, Envoy itself among them.
local ADDED = {["x-request-id"] = true, via = true, forwarded = true}

-- The sequences of UTF-8 beyond ASCII: no overlong form, no surrogate, nothing
-- above U+10FFFF. Lua 5.1 has no library for it.
local TAIL = "[\128-\191]"
local SEQUENCES = {
  "[\194-\223]" .. TAIL,
  "\224[\160-\191]" .. TAIL,
  "[\225-\236\238\239]" .. TAIL .. TAIL,
  "\237[\128-\159]" .. TAIL,
  "\240[\144-\191]" .. TAIL .. TAIL,
  "[\241-\243]" .. TAIL .. TAIL .. TAIL,
  "\244[\128-\143]" .. TAIL .. TAIL,
}

local function is_utf8(text)
  if not text:find("[\128-\255]") then return true end
  for _, sequence in ipairs(SEQUENCES) do
    text = text:gsub(sequence, "?")
  end
  return not text:find("[\128-\255]")
end

local function unescape(text)
  local plain = text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return plain
end

local function is_added(name)
  return ADDED[name] or name:find("^:") or name:find("^x%-envoy%-") or name:find("^x%-forwarded%-")
end

-- Whether the headers are within the limits, and which of them are gRPC's.
local function look_at(headers)
  local bytes, count, of_grpc = 0, 0, {}
  for name, value in pairs(headers) do
    bytes = bytes + #name + #value
    if not is_added(name) then count = count + 1 end
    if name:find("^grpc%-") or name:find("%-bin$") then of_grpc[#of_grpc + 1] = name end
  end
  return bytes <= MAX_HEADER_BYTES and count <= MAX_HEADERS, of_grpc
end

-- The call that answers at a path, and the values of the path's variables. HEAD is
-- GET without the content, but for streams: the length of one is not known.
local function find_route(verb, path)
  for _, route in ipairs(ROUTES) do
    local matches = verb == "HEAD" and route.verb == "GET" and not route.is_stream
    if matches or route.verb == verb then
      local values = {path:match(route.path)}
      if values[1] then return route, values end
    end
  end
end

local function unknown(name, route)
  local documented = name:gsub("%u", "_%0"):lower()
  local hint = route.parameters[documented] and "; write " .. documented or ""
  return name, "there is no such parameter" .. hint
end

-- The name of a parameter that is wrong, and what is wrong: where the transcoder
-- would take the last of several values, ignore a name without a value, or take
-- a name that is not documented.
local function wrong_parameter(route, query)
  local seen = {}
  for part in query:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=(.*)$")
    local most = route.parameters[name or part]
    if not most then return unknown(name or part, route) end
    if not name then return part, "has no value, write " .. part .. "=" end
    if not is_utf8(unescape(value)) then return name, "is not valid UTF-8" end
    local count = (seen[name] or 0) + 1
    if count > most then
      if most == 1 then return name, "is given twice" end
      return -- The worker says how many there may be.
    end
    seen[name] = count
  end
end

local function wrong_variable(route, values)
  for position, value in ipairs(values) do
    if not is_utf8(unescape(value)) then return route.variables[position], "is not valid UTF-8" end
  end
end

-- What errors.lua has to know of the request.
local function note(handle, name, value)
  handle:streamInfo():dynamicMetadata():set("errors", name, value)
end

local function refuse(handle, field, description)
  note(handle, "field", field)
  note(handle, "description", description)
  handle:respond({[":status"] = "400"}, description)
end

-- Some clients escape the colon of a custom method, such as `visitors:erase`.
local function find_route_unescaped(headers, verb, path, query)
  local route, values = find_route(verb, path)
  if route or not path:find("%3A", 1, true) and not path:find("%3a", 1, true) then
    return route, values
  end
  local plain = path:gsub("%%3[Aa]", ":")
  route, values = find_route(verb, plain)
  if route then headers:replace(":path", query == "" and plain or plain .. "?" .. query) end
  return route, values
end

-- A website in the body would take the place of the one in the path: the worker
-- compares them.
local function tell_website(headers, route, values)
  for position, name in ipairs(route.variables) do
    if name == "website_id" then headers:replace("x-path-website-id", values[position]) end
  end
end

local function check_rest(handle, headers)
  local verb, target = headers:get(":method"), headers:get(":path")
  local path, query = target:match("^([^?]*)%??(.*)$")
  local route, values = find_route_unescaped(headers, verb, path, query)
  if not route then return handle:respond({[":status"] = "404"}, "no such route") end
  if verb == "HEAD" then
    headers:replace(":method", "GET")
    note(handle, "is_head", true)
  end
  local field, description = wrong_variable(route, values)
  if not field then field, description = wrong_parameter(route, query) end
  if field then return refuse(handle, field, description) end
  tell_website(headers, route, values)
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local fits, of_grpc = look_at(headers)
  if not fits then return handle:respond({[":status"] = "431"}, "the headers are too large") end
  if (headers:get(":path") or ""):sub(1, 5) ~= "/api/" then return end
  -- gRPC's headers say nothing in a REST request, and a worker would choke on a bad one.
  for _, name in ipairs(of_grpc) do headers:remove(name) end
  if not headers:get("authorization") then
    note(handle, "anonymous", true)
    -- Before the body is waited for: it would be held here, up to its limit.
    if headers:get(":method") == "POST" then
      return handle:respond({[":status"] = "401"}, "no key")
    end
  end
  check_rest(handle, headers)
end
