-- What the release before calls, for one fan (Note [Library versions] in README.md): a batch of one.

-- Return a fan's reply in the release's form: status, epoch, number, state_code, ahead, deadline, room's
-- state, waiting, wait_ms, admits_from, now, joined; of another status its words.
local function words_of(text, epoch, state, admits_from, now)
  local words = {}
  for word in string.gmatch(text, '%S+') do words[#words + 1] = tonumber(word) or word end
  if words[1] ~= 'NEW' and words[1] ~= 'SAME' then return words end
  local status, number, state_code, ahead, deadline, waiting, wait, joined = unpack(words)
  return {status, epoch, number, state_code, ahead, deadline, state, waiting,
    state_code == WAITING and whole(wait) or 0, admits_from, now, whole(joined)}
end

-- Return a token in the words that `token_of` reads.
local function token_words(number, epoch, until_ms, joined_ms, fate)
  return table.concat({number, epoch, until_ms, joined_ms, fate}, ' ')
end

-- KEYS   7 calls of the user  8 calls of the address, whose last word is the client  9 set: users who joined
--        from the address
-- ARGV   1 now_ms, 2 user, 3 .. 8 number .. vouched, 9 .. 12 the site's limits, 13 .. 15 counted .. fate
-- Reply  {what the caller hears of the limit that is nearest, the reply}
local function join(keys, args)
  local function calls_key(name) return (string.gsub(keys[1], 'config$', name)) end
  local refusal, epoch, state, admits_from, now, replies, heard, user_calls, user_period_ms, address_calls,
    address_period_ms = unpack(join_many(
      {keys[1], keys[2], keys[3], keys[4], keys[5], keys[6], calls_key('calls:0'), calls_key('calls:1'), keys[9]},
      {args[1], args[9], args[10], args[11], args[12], args[2],
        token_words(args[3], args[4], args[5], args[14], args[15]),
        table.concat({args[6], args[7], args[8], args[13]}, ' ')}))
  if refusal then return {{}, refusal} end
  local remaining, reset = unpack(heard)
  if replies[1] == 'LIMITED_ADDRESS' then
    return {{'join_address', address_calls, address_period_ms, remaining, reset, 1}, {'LIMITED'}}
  end
  local limit = {'join', user_calls, user_period_ms, remaining, reset, replies[1] == 'LIMITED' and 1 or 0}
  return {remaining >= 0 and limit or {}, words_of(replies[1], epoch, state, admits_from, now)}
end

-- ARGV   1 now_ms  2 user  3 number  4 epoch  5 until_ms  6 joined_ms  7 fate
-- Reply  the reply
local function poll(keys, args)
  local token = token_words(unpack(args, 3, 7))
  local refusal, epoch, state, admits_from, now, replies = unpack(poll_many(keys, {args[1], args[2], token}))
  return refusal or words_of(replies[1], epoch, state, admits_from, now)
end
