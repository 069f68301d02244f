-- One fan's place in the room: getting, showing and ending it; and which number a place gets.

local DRAW = 1048576  -- numbers of a draw: policy.DRAW_NUMBERS
local HALF = 1024
local ROUNDS = 6

-- What became of a place that this server has lost, as the caller found out (Note [Places lost] in
-- README.md); LEFT and FINISHED are the others.
local FATE_UNKNOWN, FATE_KEPT, FATE_NOTHING = '', 'K', 'X'

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

-- Return the number of a new place, or nil and the reply that says why there is none.
local function new_number(room, user, record)
  -- A room that opened and was set back to PRESALE goes on in order: a draw would overtake.
  if room.allows.draws and room.serving <= room.draw_start then
    -- Leaving and coming again draws no second time.
    if record and is_drawn(room, record.number) then return record.number end
    if room.drawn < DRAW then
      if room.drawn >= room.draw_ceiling then return nil, {'CEILING', room.epoch, room.draw_ceiling, 'DRAW'} end
      room.drawn = room.drawn + 1
      return room.draw_start + permuted(room.seed, room.drawn)
    end
  end
  if room.next >= room.ceiling then return nil, {'CEILING', room.epoch, room.ceiling, 'NEXT'} end
  room.next, room.last_user = room.next + 1, user
  return room.next
end

-- Admit those whose turn it is and return the reply with a fan's place as it is then; a fan seen
-- admitted has come, and the session starts. Before the opening nobody knows how the draw came out, so
-- everybody else counts as ahead.
-- Reply  'status number state_code ahead deadline waiting wait_ms joined', and the place
local function admit_and_reply(room, status, user, record)
  if admit_waiting(room) > 0 then record = read_place(room, user) end  -- this fan may be among them
  local state_code = record.state_code
  if state_code == WAITING then
    local waiting = count_waiting(room)
    local ahead = room.allows.draws and is_drawn(room, record.number) and waiting - 1 or rank_of(room, user)
    return string.format('%s %d W %d %d %d %d %d', status, record.number, ahead, record.deadline, waiting,
      math.ceil(wait_ms(room, ahead)), record.joined), record
  end
  if state_code == CALLED then
    record.state_code, record.deadline = ADMITTED, room.now + room.session
    set_deadline(room, user, record.deadline)
    write_place(room, user, record)
  end
  return string.format('%s %d %s 0 %d %d 0 %d', status, record.number, record.state_code, record.deadline,
    count_waiting(room), record.joined), record
end

-- Return the user's place as it is now, nil where there is none.
local function current_place(room, user)
  local record = read_place(room, user)
  if record and (record.state_code == CALLED or record.state_code == ADMITTED) and record.deadline <= room.now then
    end_place_as(room, user, record, EXPIRED)
  end
  return record
end

local function add_place(room, user, number, state_code, deadline, joined)
  local record = {number = number, state_code = state_code, deadline = deadline, joined = joined or room.now}
  write_place(room, user, record)
  return record
end

local function add_waiting(room, user, number, joined)
  add_to_waiting(room, user, number)
  return add_place(room, user, number, WAITING, 0, joined)
end

-- Return what a token says of its place, in one word of ARGV; without a token ('') the number is 0.
local function token_of(word)
  if word == '' then return {number = 0} end
  local number, epoch, until_ms, joined_ms, fate = string.match(word, '^(%d+) (%d+) (%d+) (%d+) (%u?)$')
  return {number = number + 0, epoch = epoch + 0, until_ms = until_ms + 0, joined = joined_ms + 0, fate = fate}
end

-- Note [Places lost] in README.md. A token of an earlier epoch proves a place that this server has
-- lost. Within one epoch it proves nothing new: a place that was left or used up would come back.
-- What has become of the place meanwhile is for the caller to find out, so the first reply is LOST.
-- Return the place, or nil and, where its fate is to be found out first, that reply.
local function restore(room, user, token)
  local number, until_ms = token.number, token.until_ms
  if number <= 0 or token.epoch == room.epoch or token.fate == FATE_NOTHING then return nil end
  if token.fate == FATE_UNKNOWN then return nil, {'LOST', room.epoch} end
  if token.epoch > room.epoch then return nil end
  if token.fate ~= FATE_KEPT then return add_place(room, user, number, token.fate, room.now, token.joined) end
  if until_ms > room.now then
    add_to_active(room, user, until_ms)
    return add_place(room, user, number, ADMITTED, until_ms, token.joined)
  end
  if until_ms > 0 or number <= room.called then
    return add_place(room, user, number, EXPIRED, room.now, token.joined)
  end
  -- PostgreSQL reserves numbers before they are given, so one beyond those of this epoch is of days that it has
  -- lost. All who wait have numbers up to `next` therefore, and a new one stands behind them all (`rank_of`).
  if number > room.next then return nil end
  return add_waiting(room, user, number, token.joined)
end

-- Return the reply that refuses a new place in the room's state, nil where it allows one.
local function state_refusal(room, invited)
  local allows = room.allows
  if allows.becomes and room.now < room.joins_from then return {'NOT_OPEN', room.joins_from} end
  if invited then
    if allows.invites then return nil end
    if allows.becomes then return {'NOT_OPEN', room.admits_from} end
  elseif allows.joins then
    return nil
  end
  return {allows.refusal}
end

-- Return the reply that refuses a new place to who has not passed the room's abuse check or shares an
-- address with too many, nil where it may be given.
local function abuse_check(room, user, terms, users_key)
  if room.check == 'PROOF_OF_WORK' and terms.work_bits < room.work_bits then
    return {'CHALLENGE', room.check, room.work_bits}
  end
  if room.check == 'TURNSTILE' and not terms.vouched then return {'CHALLENGE', room.check, 0} end
  local most = room.per_address or 0
  if most > 0 and server.call('SISMEMBER', users_key, user) == 0 then
    local users = server.call('SCARD', users_key)
    if users >= most then return {'TOO_MANY_ACCOUNTS'} end
    server.call('SADD', users_key, user)
    if users % 32 == 0 then server.call('EXPIRE', users_key, room.remember) end
  end
  return nil
end

-- Return the new place, or nil and the reply that says why there is none.
local function give_place(room, user, record, terms, address_users_key)
  local refusal = state_refusal(room, terms.invited)
    or (not terms.invited and abuse_check(room, user, terms, address_users_key))
  if refusal then return nil, refusal end
  local number, ceiling_met = new_number(room, user, record)
  if not number then return nil, ceiling_met end
  -- A new place begins after the end of the one before (Note [Ended places]).
  return add_waiting(room, user, number, record and math.max(room.now, record.deadline + 1))
end

-- End the user's place.
-- ARGV   1 now_ms  2 user  3 state_code: L leaves whatever the place; F finishes a session, not a new wait
-- Reply  OK, when and how the place ended; 0, '' where it goes on
local function end_place(keys, args)
  local now_ms, user, state_code = unpack(args)
  local room, refusal = enter(keys, now_ms)
  if not room then return refusal end
  advance(room)
  local record = current_place(room, user)
  if not record then  -- remembered, so that a token of an earlier epoch doesn't bring it back
    record = add_place(room, user, 0, state_code, room.now)
  elseif has_place(record) and (state_code == LEFT or record.state_code ~= WAITING) then
    end_place_as(room, user, record, state_code)
  end
  if has_place(record) then return close_with(room, {'OK', 0, ''}) end
  return close_with(room, {'OK', whole(record.deadline), record.state_code})
end
