-- What one fan asks for: joining, looking, leaving; and which number a place gets.

local DRAW = 1048576  -- numbers of a draw: policy.DRAW_NUMBERS
local HALF = 1024
local ROUNDS = 6

-- Note [Draw] in README.md: the n-th who joins before the opening (1..DRAW) gets the n-th number
-- of a permutation keyed by the room's secret seed. A Feistel network over 2 x 10 bits (Luby and
-- Rackoff 1988), so that no two get the same and nothing has to be kept or shuffled later.
local function permuted(seed, n)
  local left, right = math.floor((n - 1) / HALF), (n - 1) % HALF
  for round = 1, ROUNDS do
    local digest = server.sha1hex(seed .. ':' .. round .. ':' .. right)
    left, right = right, (left + tonumber(string.sub(digest, 1, 6), 16)) % HALF
  end
  return left * HALF + right + 1
end

local function is_drawn(room, number)
  return room.seed ~= '' and number > room.draw_start and number <= room.draw_start + DRAW
end

-- Return the number of a new place, or nil and why there is none.
local function new_number(room, record)
  -- A room that opened and was set back to PRESALE goes on in order: a draw would overtake.
  if room.phase == 'PRESALE' and room.serving <= room.draw_start then
    -- Leaving and coming again draws no second time.
    if record and is_drawn(room, record.number) then return record.number end
    if room.drawn < DRAW then
      if room.drawn >= room.draw_ceiling then return nil, {'CEILING', room.epoch, room.draw_ceiling, 'DRAW'} end
      room.drawn = room.drawn + 1
      return room.draw_start + permuted(room.seed, room.drawn)
    end
  end
  if room.next >= room.ceiling then return nil, {'CEILING', room.epoch, room.ceiling, 'NEXT'} end
  room.next = room.next + 1
  return room.next
end

-- Let in whose turn it is and answer for a user's place as it is then; a fan seen admitted has come,
-- and the session starts. Before the opening nobody knows how the draw came out, so everybody else
-- counts as ahead.
local function admit_and_answer(room, status, user, record)
  if admit(room) > 0 then record = read(room, user) end  -- this fan may be among them
  if record.letter == 'G' then
    record.letter, record.deadline = 'A', room.now + room.session
    server.call('ZADD', room.keys[4], whole(record.deadline), user)
    write(room, user, record)
  end
  local waiting, ahead = server.call('ZCARD', room.keys[3]), 0
  if record.letter == 'W' then
    ahead = is_drawn(room, record.number) and room.phase == 'PRESALE' and waiting - 1
      or server.call('ZRANK', room.keys[3], user)
  end
  return {status, room.epoch, record.number, record.letter, ahead, record.deadline, room.phase,
    waiting, record.letter == 'W' and whole(math.ceil(wait_ms(room, ahead))) or 0, room.admits_from,
    room.now, whole(record.joined)}
end

local function current_place(room, user)
  local record = read(room, user)
  if record and (record.letter == 'G' or record.letter == 'A') and record.deadline <= room.now then
    finish_place(room, user, record, 'E')
  end
  return record
end

local function place(room, user, number, letter, deadline, joined)
  local record = {number = number, letter = letter, deadline = deadline, joined = joined or room.now}
  write(room, user, record)
  return record
end

local function wait_at(room, user, number, joined)
  server.call('ZADD', room.keys[3], number, user)
  return place(room, user, number, 'W', 0, joined)
end

-- Note [Places lost] in README.md. A token of an earlier epoch proves a place that this server has
-- lost. Within one epoch it proves nothing new: a place that was left or used up would come back.
-- What has become of the place meanwhile is for the caller to find out: `fate` is '' as long as it
-- has not, K where no end is known, L or F where the place ended so, X where the token proves nothing.
-- Return the place, or nil and, where the fate is to be found out first, a refusal.
local function restore(room, user, args, joined, fate)
  local number, epoch, until_ms = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  if number <= 0 or epoch == room.epoch or fate == 'X' then return nil end
  if fate == '' then return nil, {'LOST', room.epoch} end
  if epoch > room.epoch then return nil end
  if fate ~= 'K' then return place(room, user, number, fate, room.now, joined) end
  if until_ms > room.now then
    server.call('ZADD', room.keys[4], whole(until_ms), user)
    return place(room, user, number, 'A', until_ms, joined)
  end
  if until_ms > 0 or number <= room.called then return place(room, user, number, 'E', room.now, joined) end
  return wait_at(room, user, number, joined)
end

local function refuses_joins(room, invited)
  if room.phase == 'CLOSED' or (room.phase == 'DRAINING' and not invited) then return {'CLOSED'} end
  if room.phase == 'PAUSED' then return {'PAUSED'} end
  if room.phase == 'PRESALE' then
    if room.now < room.joins_from then return {'NOT_OPEN', room.joins_from} end
    if invited then return {'NOT_OPEN', room.admits_from} end
  end
  return nil
end

-- Say why this caller may not have a new place. args 7, 8: bits of work shown, 1 if vouched for.
local function doubts(room, user, args)
  if room.check == 'PROOF_OF_WORK' and tonumber(args[7]) < room.work_bits then
    return {'CHALLENGE', room.check, room.work_bits}
  end
  if room.check == 'TURNSTILE' and args[8] ~= '1' then return {'CHALLENGE', room.check, 0} end
  local most = room.per_address or 0
  if most > 0 and server.call('SISMEMBER', room.keys[9], user) == 0 then
    local accounts = server.call('SCARD', room.keys[9])
    if accounts >= most then return {'TOO_MANY_ACCOUNTS'} end
    server.call('SADD', room.keys[9], user)
    if accounts % 32 == 0 then server.call('EXPIRE', room.keys[9], room.remember) end
  end
  return nil
end

-- Count the call; return what the caller is told of the limit that is nearest, and whether it is
-- refused. args 9..12: the site's limits of a user and an address; the room's own go before;
-- 13: 1 if this call was counted already and is only made again.
local function count_join(room, args)
  if args[13] == '1' then return {}, false end
  local function counted(name, key, own, amount, period)
    if own then amount, period = own, 60000 else amount, period = tonumber(amount), tonumber(period) end
    local left, reset, refused = count_call(key, amount, period, room.now)
    return {name, amount, period, left, reset, refused and 1 or 0}
  end
  local user = counted('join', room.keys[7], room.per_user_minute, args[9], args[10])
  if user[6] == 1 then return user, true end
  local address = counted('join_address', room.keys[8], room.per_address_minute, args[11], args[12])
  if address[6] == 1 then return address, true end
  return user[2] > 0 and user or {}, false
end

-- Return the new place, or nil and why there is none.
local function give_place(room, user, record, args, invited)
  local why = refuses_joins(room, invited) or (not invited and doubts(room, user, args))
  if why then return nil, why end
  local number, met = new_number(room, record)
  if not number then return nil, met end
  -- A new place begins after the end of the one before (Note [Ended places]).
  return wait_at(room, user, number, math.max(room.now, record and record.deadline + 1 or 0))
end

-- args: now_ms, user, then of the presented token: number, epoch, admitted_until (0 = none),
-- 1 if invited, then those of `doubts` and `count_join`; 14, 15: the token's joined_ms and its
-- place's fate. Answers {limit, reply}.
local function join(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return {{}, refusal} end
  local limit, refused = count_join(room, args)
  if refused then return {limit, {'LIMITED'}} end
  local user, invited = args[2], args[6] == '1'
  advance(room)
  local record, status = current_place(room, user), 'SAME'
  if not has_place(record) then
    local restored, why
    if not record then restored, why = restore(room, user, args, tonumber(args[14]), args[15]) end
    if why then return {limit, close_with(room, why)} end
    record = restored or record
    if not has_place(record) then
      record, why = give_place(room, user, record, args, invited)
      if not record then return {limit, close_with(room, why)} end
      status = 'NEW'
    end
  end
  if invited and record.letter == 'W' and (room.phase == 'OPEN' or room.phase == 'DRAINING') then
    server.call('ZREM', keys[3], user)  -- ahead of the line, whatever the capacity; `serving` stays
    let_in(room, user, record)
  end
  local reply = admit_and_answer(room, status, user, record)
  save(room)
  return {limit, reply}
end

-- args: now_ms, user, then of the presented token: number, epoch, admitted_until (0 = none),
-- joined_ms, and the fate of its place
local function poll(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return refusal end
  local user = args[2]
  advance(room)
  local record, number = current_place(room, user), tonumber(args[3])
  if record and record.number == 0 and number > 0 then  -- ended while the server had lost it
    record.number = number
    write(room, user, record)
  elseif not record then
    local why
    record, why = restore(room, user, args, tonumber(args[6]), args[7])
    if not record and number <= 0 then why = {'UNKNOWN'} end
    if why then return close_with(room, why) end
    record = record or place(room, user, number, 'E', room.now)
  end
  local reply = admit_and_answer(room, 'SAME', user, record)
  save(room)
  if room.phase == 'CLOSED' and reply[4] == 'W' then return {'CLOSED'} end
  return reply
end

-- args: now_ms, user, letter (L leaves whatever the place; F finishes a session, not a new wait).
-- Answers when and how the place ended, 0 where it goes on.
local function quit(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return refusal end
  local user, letter = args[2], args[3]
  advance(room)
  local record = current_place(room, user)
  if not record then  -- remembered, so that a token of an earlier epoch doesn't bring it back
    record = place(room, user, 0, letter, room.now)
  elseif has_place(record) and (letter == 'L' or record.letter ~= 'W') then
    finish_place(room, user, record, letter)
  end
  if has_place(record) then return close_with(room, {'OK', 0, ''}) end
  return close_with(room, {'OK', whole(record.deadline), record.letter})
end
