-- Joins and polls of many fans of one room in one call (Note [Batches] in README.md). Entering, bringing
-- up to now, reading and writing are most of a call's price, and done once; the fans have their turns in
-- the order given, each as if alone, and each meets the room as the one before left it.

local MOST_FANS = 128  -- policy.BATCH_FANS
local ROOM_KEYS, JOIN_KEYS = 6, 8
local JOIN_TERMS, JOIN_WORDS = 5, 3
local POLL_TERMS, POLL_WORDS = 1, 2
local NOBODY_SPECIAL = {invited = false, work_bits = 0, vouched = false, counted = false}

-- Return the users of a call; raises where its keys and arguments don't fit together, which must be
-- found before the first fan is served.
local function users_of(keys, args, terms, words, room_keys, keys_each)
  local count = (#args - terms) / words
  if count < 1 or count > MOST_FANS or count % 1 ~= 0 or #keys ~= room_keys + keys_each * count then
    error('a batch has 1 to ' .. MOST_FANS .. ' fans, with ' .. words .. ' arguments each')
  end
  local users = {}
  for i = 1, count do users[i] = args[terms + (i - 1) * words + 1] end
  return users
end

-- Serve the users in order with `serve`, write the state, and return the replies. An error met with one
-- fan, such as a place that can't be read, is that fan's reply: the others have been given numbers,
-- which are given again if the state isn't written. One that all met is the call's.
local function serve_all(room, users, serve)
  read_places(room, users)
  local replies, failures, failure = {}, 0, nil
  for i, user in ipairs(users) do
    local is_served, reply = pcall(serve, i, user)
    if not is_served then
      failures, failure = failures + 1, reply
      reply = 'FAILED ' .. (type(reply) == 'table' and reply.err or tostring(reply))
    end
    replies[i] = reply
  end
  if room.is_advanced then save(room) end
  if failures == #users then error(failure, 0) end
  return replies
end

-- Admit those whose turn it is and return `reply`, which has no place in it.
local function refuse_fan(room, reply)
  admit_waiting(room)
  room.unsaved = true
  return table.concat(reply, ' ')
end

-- Return the terms on which a fan joins, in one word of ARGV; '' of nobody special.
local function terms_of(word)
  if word == '' then return NOBODY_SPECIAL end
  local invited, work_bits, vouched, counted = string.match(word, '^(%d) (%d+) (%d) (%d)$')
  return {
    invited = invited == '1', work_bits = work_bits + 0, vouched = vouched == '1', counted = counted == '1',
  }
end

-- Return the fan's place, given or found, and its status; or nil and the reply that says why there is none.
local function place_to_join(room, user, token, terms, address_users_key)
  local record = current_place(room, user)
  if has_place(record) then return record, 'SAME' end
  if not record and token ~= '' then
    local lost
    record, lost = restore(room, user, token_of(token))
    if lost then return nil, lost end
    if has_place(record) then return record, 'SAME' end
  end
  local given, refusal = give_place(room, user, record, terms, address_users_key)
  if not given then return nil, refusal end
  return given, 'NEW'
end

-- Give one fan who is within the limits a place, or return the one there is.
local function join_fan(room, user, token, terms, address_users_key)
  -- The same place again for a user who has one; else the one that the token proves and this server has
  -- lost; else a new one, for those whom the room's state and its abuse check let have one.
  advance(room)
  local record, status = place_to_join(room, user, token, terms, address_users_key)
  if not record then return refuse_fan(room, status) end
  -- The invited are admitted ahead of the line, whatever the capacity; `serving` stays.
  if record.state_code == WAITING and room.allows.invites and terms.invited then
    remove_from_waiting(room, user)
    admit_fan(room, user, record)
  end
  -- Others join a line that time may have moved meanwhile, so whose turn it is goes in before the reply.
  return (admit_and_reply(room, status, user, record))
end

-- Return each fan's terms and address, and of those to be counted user and address by turns.
local function joins_in(keys, args, users)
  local terms, addresses, callers, size = {}, {}, {}, 0
  local begins = #keys[1] - #'config' + 1
  for i, user in ipairs(users) do
    terms[i] = terms_of(args[JOIN_TERMS + i * JOIN_WORDS])
    addresses[i] = string.sub(keys[JOIN_KEYS + i], begins)
    if not terms[i].counted then
      callers[size + 1], callers[size + 2], size = user, addresses[i], size + 2
    end
  end
  return terms, addresses, callers
end

-- Give each user a place, or return the one there is.
-- KEYS   7, 8 calls, of this window and the other; then, for each fan, the set of users who joined from
--        the address; its last part is the address
-- ARGV   1 now_ms
--        2 calls 3 period_ms: the site's limit of a user  4 calls 5 period_ms: of an address
--        then, for each fan:
--        1 user
--        2 '' without a token, else what it says: "number epoch until_ms joined_ms fate"; until_ms 0: it was not
--          yet called; joined_ms, fate: when its place began, what became of it
--        3 '' of nobody special, else "invited work_bits vouched counted"; invited 1 for staff and the invited;
--          work_bits of the proof of work shown; vouched 1 if the challenge service vouches; counted 1 if this
--          call was counted already and is only made again
-- Reply  why the room can't be entered, or nil; epoch; room's state; admits_from; now; {the fans' replies};
--        {calls that remain to each and seconds until all do, by turns: of the address where that refused the
--        call, -1 where it was not counted}; calls and period_ms of both limits in force
local function join_many(keys, args)
  local users = users_of(keys, args, JOIN_TERMS, JOIN_WORDS, JOIN_KEYS, 1)
  local room, refusal = enter(keys, args[1])
  if not room then return {refusal} end
  local by_user, by_address = limits_of(room, unpack(args, 2, JOIN_TERMS))
  local terms, addresses, callers = joins_in(keys, args, users)
  local counts, heard = nil, {}
  if #callers > 0 then
    counts = read_counts(room, {keys[7], keys[8]}, callers, math.max(by_user.period_ms, by_address.period_ms))
  end
  local replies = serve_all(room, users, function(i, user)
    room.fans_left = #users - i + 1
    heard[2 * i - 1], heard[2 * i] = -1, 0
    local remaining, reset, over = -1, 0, false
    -- Count first: a caller over a limit costs nothing more.
    if not terms[i].counted then
      if by_user.calls > 0 then remaining, reset, over = count_by(counts, by_user, user, room.now) end
      if not over and by_address.calls > 0 then
        local left, wait, is_refused = count_by(counts, by_address, addresses[i], room.now)
        if is_refused then
          heard[2 * i - 1], heard[2 * i] = left, wait
          return 'LIMITED_ADDRESS'
        end
      end
    end
    heard[2 * i - 1], heard[2 * i] = remaining, reset
    if over then return 'LIMITED' end
    return join_fan(room, user, args[JOIN_TERMS + i * JOIN_WORDS - 1], terms[i], keys[JOIN_KEYS + i])
  end)
  if counts then write_counts(counts) end
  return {false, room.epoch, room.state, room.admits_from, room.now, replies, heard,
    by_user.calls, by_user.period_ms, by_address.calls, by_address.period_ms}
end

-- Return the reply with one user's place.
local function poll_fan(room, user, token)
  advance(room)
  local record = current_place(room, user)
  if not record or record.number == 0 then
    local shown = token_of(token)
    if record and shown.number > 0 then  -- ended while the server had lost it
      record.number = shown.number
      write_place(room, user, record)
    elseif not record then
      local why
      record, why = restore(room, user, shown)
      if not record and shown.number <= 0 then why = {'UNKNOWN'} end
      if why then return refuse_fan(room, why) end
      record = record or add_place(room, user, shown.number, EXPIRED, room.now)
    end
  end
  local reply, shown = admit_and_reply(room, 'SAME', user, record)
  if not room.allows.polls and shown.state_code == WAITING then return 'CLOSED' end
  return reply
end

-- Return each user's place.
-- ARGV   1 now_ms, then, for each fan: 1 user  2 token, as in `join_many`
-- Reply  why the room can't be entered, or nil; epoch; room's state; admits_from; now; {the fans' replies}
local function poll_many(keys, args)
  local users = users_of(keys, args, POLL_TERMS, POLL_WORDS, ROOM_KEYS, 0)
  local room, refusal = enter(keys, args[1])
  if not room then return {refusal} end
  local replies = serve_all(room, users, function(i, user)
    return poll_fan(room, user, args[POLL_TERMS + i * POLL_WORDS])
  end)
  return {false, room.epoch, room.state, room.admits_from, room.now, replies}
end
