-- Gives Envoy's own answers the one error shape, and refuses early what no
-- worker should see. ERRORS and INVALID_PARAMETER come from errors.py.
-- https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter

local UNKNOWN = "there is no such parameter"
local NOT_UTF8 = "is not valid UTF-8"

-- Headers that say nothing to a REST caller.
local FOR_GRPC_ONLY = {
  "grpc-status", "grpc-message", "grpc-accept-encoding", "x-envoy-upstream-healthchecked-cluster",
}

-- Protobuf's types, in words.
local WORDS = {
  INT32 = "a whole number", INT64 = "a whole number",
  UINT32 = "a whole number", UINT64 = "a whole number",
  FLOAT = "a number", DOUBLE = "a number",
  BOOL = "true or false", STRING = "text",
}

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
  local plain = text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
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

-- The ids in the path, then the parameters of the query: {name, escaped value}.
local function parameters(path)
  local before, query = path:match("^([^?]*)%??(.*)$")
  local website, session = before:match("^/api/websites/([^/]*)/?[^/]*/?(.*)$")
  local found = {{"website_id", website or ""}, {"session_id", session or ""}}
  for name, value in query:gmatch("([^&=]+)=?([^&]*)") do
    found[#found + 1] = {name, value}
  end
  return found
end

-- What is wrong with the parameters as bytes. The transcoder lets bad UTF-8
-- through, and an id in the query would replace the one in the path.
local function refusal(path)
  for position, parameter in ipairs(parameters(path)) do
    local name, value = parameter[1], parameter[2]
    local key = name:lower():gsub("_", "")
    if position > 2 and (key == "websiteid" or key == "sessionid") then
      return name .. ": " .. UNKNOWN
    end
    if not is_utf8(unescape(value)) then return name .. ": " .. NOT_UTF8 end
  end
end

local function misfit(value, kind)
  local wanted = WORDS[kind]
  if #value > 100 then value = "the value" end
  if wanted == "a whole number" and value:match('^"?[-+]?%d+"?$') then
    return value .. " is out of range"
  end
  return value .. " is not " .. (wanted or "allowed here")
end

-- Field and fault out of a message of the transcoder's or of refusal(); nothing
-- when it names no field.
local function fault(text)
  local field, value, kind = text:match("^([^:]+): invalid value (.*) for type TYPE_(%w+)$")
  if field then return field, misfit(value, kind) end
  field = text:match('^Could not find field "(.*)" in the type "')
  if field then return field, UNKNOWN end
  field = text:match('^Encountered a non%-leaf field "(.-)"')
  if field then return field, "has no fields of its own" end
  field = text:match("^(.*): " .. UNKNOWN .. "$")
  if field then return field, UNKNOWN end
  field = text:match("^(.*): is not valid UTF%-8$")
  if field then return field, NOT_UTF8 end
end

local function error_of(status)
  return ERRORS[status] or ERRORS[status < 500 and 400 or 500]
end

local function rest_body(status, text)
  local field, description = fault(text)
  if status ~= 400 or not field then return error_of(status).body end
  local words = {field = json(field), description = json(description)}
  return (INVALID_PARAMETER:gsub("@(%a+)@", words))
end

local function answer_grpc(headers, status)
  local err = error_of(status)
  headers:replace("grpc-status", tostring(err.grpc_status))
  headers:replace("grpc-message", err.message)
  headers:replace("grpc-status-details-bin", err.details)
end

local function answer_rest(handle, status)
  local body = handle:body(true)
  local headers = handle:headers()
  headers:replace("content-type", "application/json")
  headers:remove("content-length")
  -- The text follows the status (see envoy.yaml); only HEAD has no body.
  if body:length() == 0 then return end
  local text = body:getBytes(0, body:length()):gsub("^%d+ ", "")
  headers:replace("content-length", tostring(body:setBytes(rest_body(status, text))))
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path") or ""
  if path:sub(1, 5) ~= "/api/" then return end
  if not headers:get("authorization") then
    handle:streamInfo():dynamicMetadata():set("errors", "anonymous", true)
  end
  local problem = refusal(path)
  if problem then handle:respond({[":status"] = "400"}, problem) end
end

-- The status of an answer of Envoy's own; nothing for a worker's answer. Nobody
-- learns without a key what is wrong with a request, here as in a worker.
local function local_status(handle)
  local headers = handle:headers()
  local status = tonumber(headers:get("x-edge-status") or "")
  headers:remove("x-edge-status")
  local known = handle:streamInfo():dynamicMetadata():get("errors")
  if known and known.anonymous and (status == 400 or status == 404) then
    headers:replace(":status", "401")
    return 401
  end
  return status
end

function envoy_on_response(handle)
  local status = local_status(handle)
  local headers = handle:headers()
  if (headers:get("content-type") or ""):find("^application/grpc") then
    if status then answer_grpc(headers, status) end
    return
  end
  for _, name in ipairs(FOR_GRPC_ONLY) do headers:remove(name) end
  if headers:get(":status") == "401" then headers:replace("www-authenticate", "Bearer") end
  if status then answer_rest(handle, status) end
end
