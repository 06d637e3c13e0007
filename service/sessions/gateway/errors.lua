-- Gives Envoy's own answers the one error shape, refuses early what no worker
-- should see, links pages, and tells in a header when to try again. ERRORS,
-- MALFORMED and INVALID_FIELD come from errors.py.
-- https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter

local UNKNOWN = ": there is no such parameter"
local NOT_UTF8 = ": is not valid UTF-8"
local TWICE = ": is given twice"
local NO_VALUE = ": has no value, write "

-- Headers that say nothing to a REST caller.
local FOR_GRPC_ONLY = {
  "grpc-status", "grpc-message", "grpc-accept-encoding", "x-envoy-upstream-healthchecked-cluster",
}

-- What gRPC itself answers in a worker, without details: the message is too
-- large (429 over REST, where the API has no quotas), or there is no such method.
local BY_GRPC = {["8"] = 413, ["12"] = 404}

-- What Envoy tells apart and callers need not: a worker broke off, or none took a
-- request of more than 64 KiB, which is too much to be kept for another attempt.
local SAME_AS = {[502] = 503, [507] = 503}

-- Protobuf's types, in words; any other type is a message.
local WORDS = {
  INT32 = "a whole number", INT64 = "a whole number",
  UINT32 = "a whole number", UINT64 = "a whole number",
  FLOAT = "a number", DOUBLE = "a number",
  BOOL = "true or false", STRING = "text",
  Timestamp = "a time like 2026-03-03T10:15:00Z",
}

-- What the transcoder says of a body as a whole.
local BODY = {
  {"^: Root element must be a message", "the body is not a JSON object"},
  {"^Message too deep", "the body is nested too deeply"},
  {"\n *%^$", "the body is not valid JSON"},
}

-- How a list ends that has a next page, and the parameter that its cursor is for.
local NEXT = '^.*"(next_[%l_]+)":"([%w_-]+)"}$'
local FOLLOWING = {next_cursor = "cursor", next_events_cursor = "events_cursor"}

-- Bytes: a cursor with its name, and a link that a proxy's limit for headers lets through.
local LONGEST_CURSOR = 512
local LONGEST_LINK = 2048

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
  local plain = text:gsub("%+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  return plain
end

-- The inside of a JSON string.
local function json(text)
  if not is_utf8(text) then text = text:gsub("[\128-\255]", "?") end
  local escaped = text:gsub('["\\]', "\\%0"):gsub("%c", function(char)
    return string.format("\\u%04x", char:byte())
  end)
  return escaped
end

-- The ids in the path, then the parameters of the query: {name, escaped value},
-- without a value when there is no equals sign.
local function parameters(path)
  local before, query = path:match("^([^?]*)%??(.*)$")
  local website, session = before:match("^/api/websites/([^/]*)/?[^/]*/?(.*)$")
  local found = {{"website_id", website or ""}, {"session_id", session or ""}}
  for part in query:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=(.*)$")
    found[#found + 1] = {name or part, value}
  end
  return found
end

-- What is wrong with the parameters, where the transcoder would let it pass: an
-- id in the query would replace the one in the path, a second value the first,
-- a name alone would count for nothing, and bad UTF-8 only the worker could see.
local function refusal(path)
  local seen = {}
  for position, parameter in ipairs(parameters(path)) do
    local name, value = parameter[1], parameter[2]
    local key = name:lower():gsub("_", "")
    local is_id = key == "websiteid" or key == "sessionid"
    if position > 2 and is_id then return name .. UNKNOWN end
    if not value then return name .. NO_VALUE .. name .. "=" end
    if not is_utf8(unescape(value)) then return name .. NOT_UTF8 end
    if seen[key] and not key:find("^filter") then return name .. TWICE end
    seen[key] = true
  end
end

local function misfit(value, kind)
  local wanted = WORDS[kind] or "an object"
  if #value > 100 or value:find("^Field '") then value = "the value" end
  if wanted == "a whole number" and value:match('^"?[-+]?%d+"?$') then
    return value .. " is out of range"
  end
  return value .. " is not " .. wanted
end

-- The field and what is wrong with it, out of a message of the transcoder's or
-- of refusal(); no field when it is the body as a whole.
local function fault(text)
  local refused, why = text:match("^REFUSED ([^:]*): (.*)$")
  if refused then return refused, why end
  local field, value, kind = text:match("^([^:]+): invalid value (.*) for type (.-)$")
  if field and value:find("^Starting an object") then
    return field .. "." .. kind, "an object does not belong here"
  end
  if field then return field, misfit(value, kind:match("%w+$")) end
  field = text:match("^([^:]*): Proto field is not repeating")
  if field then return field, "has a list where none belongs" end
  field = text:match('^Could not find field "(.*)" in the type "')
  if field then return field, UNKNOWN:sub(3) end
  field = text:match('^Encountered a non%-leaf field "(.-)"')
  if field then return field, "has no fields of its own" end
  for _, line in ipairs(BODY) do
    if text:find(line[1]) then return nil, line[2] end
  end
end

local function error_of(status)
  return ERRORS[status] or ERRORS[status < 500 and 400 or 500]
end

local function rest_body(status, text)
  if status ~= 400 then return error_of(status).body end
  local field, description = fault(text)
  if not description then return error_of(status).body end
  local words = {field = json(field or ""), description = json(description)}
  return ((field and INVALID_FIELD or MALFORMED):gsub("@(%a+)@", words))
end

local function answer_grpc(headers, status)
  local err = error_of(status)
  headers:replace("grpc-status", tostring(err.grpc_status))
  headers:replace("grpc-message", err.message)
  headers:replace("grpc-status-details-bin", err.details)
end

-- RetryInfo for clients that know HTTP only: whole seconds.
local function tell_delay(headers, body)
  local seconds = body:match('"retry_delay":"([%d.]+)s"')
  if seconds then headers:replace("retry-after", tostring(math.ceil(tonumber(seconds)))) end
end

local function tell_delay_of_worker(handle)
  local body = handle:body()
  if body then tell_delay(handle:headers(), body:getBytes(0, body:length())) end
end

local function answer_rest(handle, status)
  local body = handle:body(true)
  local headers = handle:headers()
  headers:replace("content-type", "application/json")
  headers:remove("content-length")
  tell_delay(headers, error_of(status).body)
  -- The text follows the status (see envoy.yaml); only HEAD has no body.
  if body:length() == 0 then return end
  local text = body:getBytes(0, body:length()):gsub("^%d+ ", "")
  headers:replace("content-length", tostring(body:setBytes(rest_body(status, text))))
end

-- gRPC's headers say nothing in a REST request, and a worker would choke on a bad one.
local function drop_grpc_headers(headers)
  local names = {}
  for name in pairs(headers) do
    if name:find("^grpc%-") or name:find("%-bin$") then names[#names + 1] = name end
  end
  for _, name in ipairs(names) do headers:remove(name) end
end

-- A website in the body would take the place of the one in the path: the worker
-- compares them.
local function tell_website(headers, path)
  local website = path:match("^/api/websites/([^/?]*)")
  if website then headers:replace("x-path-website-id", website) end
end

-- The query of the next page: that of this one with another cursor.
local function next_query(query, parameter, cursor)
  local others = ("&" .. query):gsub("&cursor=[^&]*", ""):gsub("&events_?[cC]ursor=[^&]*", "")
  -- What has no place in a query (RFC 3986) could end the link.
  local clean = others:gsub("[^%w%-._~!$&'()*+,;=:@/?%%]", function(char)
    return string.format("%%%02X", char:byte())
  end)
  return (clean .. "&" .. parameter .. "=" .. cursor):gsub("^&+", "")
end

-- Where an answer ends with the cursor of a next page, a link to that page:
-- relative to the request, since a proxy can have led it here from elsewhere.
local function link_next(handle, query)
  local body = handle:body()
  local length = body and body:length() or 0
  local tail = math.min(length, LONGEST_CURSOR)
  if tail == 0 then return end
  local name, cursor = body:getBytes(length - tail, tail):match(NEXT)
  if not name then return end
  local link = "<?" .. next_query(query, FOLLOWING[name], cursor) .. '>; rel="next"'
  if #link <= LONGEST_LINK then handle:headers():add("link", link) end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path") or ""
  if path:sub(1, 5) ~= "/api/" then return end
  drop_grpc_headers(headers)
  local metadata = handle:streamInfo():dynamicMetadata()
  if not headers:get("authorization") then metadata:set("errors", "anonymous", true) end
  metadata:set("errors", "query", path:match("%?(.*)$") or "")
  local problem = refusal(path)
  if problem then handle:respond({[":status"] = "400"}, "REFUSED " .. problem) end
  tell_website(headers, path)
end

-- The HTTP status of an answer that is not of a worker's making. Nobody learns
-- without a key what is wrong with a request, here as in a worker.
local function edge_status(headers, known)
  local status = tonumber(headers:get("x-edge-status") or "")
  headers:remove("x-edge-status")
  status = SAME_AS[status] or status
  if known.anonymous and (status == 400 or status == 404) then status = 401 end
  return status
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local known = handle:streamInfo():dynamicMetadata():get("errors") or {}
  local status = edge_status(headers, known)
  if (headers:get("content-type") or ""):find("^application/grpc") then
    local bare = not headers:get("grpc-status-details-bin")
    status = status or bare and BY_GRPC[headers:get("grpc-status")]
    if status then answer_grpc(headers, status) end
    return
  end
  if headers:get(":status") == "429" then status = 413 end
  if status then headers:replace(":status", tostring(status)) end
  for _, name in ipairs(FOR_GRPC_ONLY) do headers:remove(name) end
  if headers:get(":status") == "401" then headers:replace("www-authenticate", "Bearer") end
  if not headers:get("cache-control") then headers:add("cache-control", "no-store") end
  if status then return answer_rest(handle, status) end
  if headers:get(":status") == "503" then return tell_delay_of_worker(handle) end
  if known.query and headers:get(":status") == "200" then link_next(handle, known.query) end
end
