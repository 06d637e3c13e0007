-- Gives Envoy's own answers the one error shape, and tells in a header when to
-- try again. ERRORS, INVALID and HTTP_STATUS come from edge_errors.py.

-- Headers that say nothing to a REST caller.
local FOR_GRPC_ONLY = {
  "grpc-status", "grpc-message", "grpc-accept-encoding", "x-envoy-upstream-healthchecked-cluster",
}

-- What gRPC itself answers in a worker, without details: the message is too
-- large, or there is no such method.
local BY_GRPC = {["8"] = 413, ["12"] = 404}

-- Protobuf's types, in words; any other type is a message.
local WORDS = {
  INT32 = "a whole number", INT64 = "a whole number",
  UINT32 = "a whole number", UINT64 = "a whole number",
  FLOAT = "a number", DOUBLE = "a number",
  BOOL = "true or false", STRING = "text",
  Timestamp = "a time like 2026-03-03T10:15:00Z",
}

-- What the transcoder of this version of Envoy says of a body as a whole.
local BODY = {
  {"^: Root element must be a message", "the body is not a JSON object"},
  {"^Message too deep", "the body is nested too deeply"},
  {"\n *%^$", "the body is not valid JSON"},
}

-- The inside of a JSON string.
local function json(text)
  if not is_utf8(text) then text = text:gsub("[\128-\255]", "?") end
  local escaped = text:gsub('["\\]', "\\%0"):gsub("%c", function(char)
    return string.format("\\u%04x", char:byte())
  end)
  return escaped
end

local function misfit(value, kind)
  local wanted = WORDS[kind] or "an object"
  if #value > 100 or value:find("^Field '") then value = "the value" end
  if wanted == "a whole number" and value:match('^"?[-+]?%d+"?$') then
    return value .. " is out of range"
  end
  return value .. " is not " .. wanted
end

-- The field and what is wrong with it, out of a message of the transcoder.
local function fault(text)
  local field, value, kind = text:match("^([^:]+): invalid value (.*) for type (.-)$")
  if field and value:find("^Starting an object") then
    return field .. "." .. kind, "an object does not belong here"
  end
  if field then return field, misfit(value, kind:match("%w+$")) end
  field = text:match("^([^:]*): Proto field is not repeating")
  if field then return field, "has a list where none belongs" end
  for _, line in ipairs(BODY) do
    if text:find(line[1]) then return "request", line[2] end
  end
end

local function error_of(status)
  return ERRORS[status] or ERRORS[status < 500 and 400 or 500]
end

local function rest_body(status, text, known)
  if status ~= 400 then return error_of(status).body end
  local field, description = known.field, known.description
  if not field then field, description = fault(text) end
  if not field then return error_of(status).body end
  local words = {field = json(field), description = json(description)}
  return (INVALID:gsub("@(%a+)@", words))
end

local function answer_grpc(headers, status)
  local err = error_of(status)
  headers:replace("grpc-status", err.grpc_status)
  headers:replace("grpc-message", err.message)
  headers:replace("grpc-status-details-bin", err.details)
end

-- RetryInfo for clients that know HTTP only: whole seconds.
local function tell_delay(headers, body)
  local seconds = body:match('"retry_delay":"([%d.]+)s"')
  if seconds then headers:replace("retry-after", tostring(math.ceil(tonumber(seconds)))) end
end

local function answer_rest(handle, status, known)
  local body = handle:body(true)
  local headers = handle:headers()
  headers:replace("content-type", "application/json")
  headers:remove("content-length")
  tell_delay(headers, error_of(status).body)
  -- The text follows the status (see listener.py); only HEAD has no body.
  if body:length() == 0 then return end
  local text = body:getBytes(0, body:length()):gsub("^%d+ ", "")
  headers:replace("content-length", tostring(body:setBytes(rest_body(status, text, known))))
end

-- Of a worker's errors only those with a delay, and those whose status tells too
-- little: 429 is every RESOURCE_EXHAUSTED to the transcoder.
local function mend_error(handle, status)
  local body = handle:body(true)
  local headers = handle:headers() -- those from before the body came can't be used any more
  local text = body:getBytes(0, body:length())
  if status == "429" then
    local reason = text:match('"reason":"([%u%d_]+)"')
    local status = reason and (HTTP_STATUS[reason] or 429) or BY_GRPC["8"]
    headers:replace(":status", tostring(status))
    if not reason then return answer_rest(handle, status, {}) end
  end
  tell_delay(headers, text)
end

-- The HTTP status of an answer that is not of a worker's making. Nobody learns
-- without a key what is wrong with a request, here as in a worker.
local function edge_status(headers, known)
  local status = tonumber(headers:get("x-edge-status") or "")
  headers:remove("x-edge-status")
  if known.anonymous and (status == 400 or status == 404) then status = 401 end
  return status
end

-- HEAD was sent on as GET: its answer keeps the length and loses the content.
local function drop_body(handle)
  local body = handle:body(true)
  local headers = handle:headers()
  local length = tostring(body:length())
  body:setBytes("")
  headers:replace("content-length", length)
  headers:replace("cache-control", "no-store, no-transform") -- compressed, nothing has a length
end

local function finish_grpc(headers, status)
  local bare = not headers:get("grpc-status-details-bin")
  status = status or bare and BY_GRPC[headers:get("grpc-status")]
  if status then answer_grpc(headers, status) end
end

local function finish_rest(handle, headers, status, known)
  if status then headers:replace(":status", tostring(status)) end
  for _, name in ipairs(FOR_GRPC_ONLY) do headers:remove(name) end
  if not headers:get("cache-control") then headers:add("cache-control", "no-store") end
  local shown = headers:get(":status")
  if shown == "401" then headers:replace("www-authenticate", "Bearer") end
  if status then return answer_rest(handle, status, known) end
  if shown == "429" or shown == "503" then mend_error(handle, shown) end
  if known.is_head then return drop_body(handle) end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local known = handle:streamInfo():dynamicMetadata():get("errors") or {}
  local status = edge_status(headers, known)
  if (headers:get("content-type") or ""):find("^application/grpc") then
    return finish_grpc(headers, status)
  end
  finish_rest(handle, headers, status, known)
end
