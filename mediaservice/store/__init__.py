"""State of the account in Azure Storage: entities in tables, work in a queue, media in blob containers.

Nothing spans the three services atomically, so the order of writes is what keeps promises. It is this.

**Submitting a job** (API): 1. queue message, 2. job entity, 3. answer 201. A job that can be read therefore has its
message, and a client that was told 201 has both. A crash after 1 leaves a message without a job: workers put it off
a few times, in case they were quicker than 2, and then drop it. A name that is taken is noticed before 1; of two who
submit it at the same moment, entity insertion fails for one (409), whose message, which names another `instance`, a
worker drops: the API itself may only add messages. Jobs that are submitted at the same moment may be written in one
transaction; each still has its own message and its own answer.

**Choosing a job** (worker): a message says that there is work, and proposes a job. While the job that it names waits,
is over, or is held by another message, the worker takes the queued job of the highest priority, of those the oldest,
and writes its name into the message before it takes it, which must happen within the lease that this renews; the job
that was named before is left to the messages of those that went ahead of it. What holds throughout: there are at least
as many messages as unfinished jobs, and a job that is held is named by the message that holds it. So a message may go
when the job that it names is over and no job waits. A message whose job is not written yet proposes no other: the job
would come to find its message gone.

**Taking a job** (worker): 1. receive the message (invisible for the lease, renewed at a third of it), 2. write the
job entity: Processing, the next attempt number, this holder, conditional on its ETag. The holder makes every later
write conditional on the ETag it saw last; whoever takes over writes first, so the former holder's next write fails
and it stops. A message is deleted only after its job is in a final state. When no job waits, a second message for a job
that another message holds is put off to watch over it; should the entity not have changed in a whole lease, its
holder is gone (holders write at least once a lease) and the second message takes over. No clock is compared with
another.

**Publishing** (worker): 1. stage the output's blocks, which nobody can see, 2. write into the job entity what is to
be committed (conditional, so only a holder gets here and never for a job being canceled), 3. commit the blocks on
condition that the blob is what it was before the attempt, with the job's instance in the blob's metadata, 4. finish
the output in the entity, conclude the job, 5. delete the message.

* Crash before 2: uncommitted blocks, which Storage discards.
* Crash or stall between 2 and 4: the next attempt sees the mark and looks at the blob. If it carries this job's
  instance the commit happened and is adopted as the result; otherwise the work is done again, and of the two
  commits the second fails on its condition and adopts the first.
* Several files (thumbnails and annotations of the mode Analyze, the outputs of several inputs): the mark names them,
  the one that tells that all are there is committed last and is the one that is looked at.
* A marked attempt whose job then ends in Error or Canceled: the blob's name is fenced first (an empty commit, which
  discards blocks staged by the former holder, then its deletion), so that a stalled holder can no longer commit.
* Crash between 4 and 5: the message comes back, finds a final state and is deleted.

**What does not fit**: Storage takes so much of a row and of a transaction, and no more. A job is accepted only when
there is room for it and for what may be added to it (mediaservice.model.growth). Should Storage refuse a job's being
taken all the same, its own row cannot count that. The worker counts it in the message, and writes a row that sets the
job aside: other messages pass it over. After `max_attempts` it ends in Error, without what its client has written into
it if need be.

**Giving up** (worker): after `max_attempts` the message is copied to the poison queue, then the job ends in Error,
then the message is deleted; a crash in between at worst leaves a second copy for people to look at.

**Events** (see mediaservice.events): a row in the very transaction that changes the job, deleted after publication.
A deleted transform leaves a row in the transaction that deletes it, until nothing of its jobs is left to publish.

**Expiry**, by the API every hour: records of jobs that are over go 90 days after they were submitted. Their media
stays: assets belong to clients.

**Deleting an asset**: container, then entity: media never outlives its record.

**The sweep**, by the API at its start and every SWEEP_SECONDS, by a worker that finds the queue empty, covers what
the order does not (a queue emptied by hand, a restored table): when there are fewer messages than unfinished jobs,
each unfinished job older than a grace gets another message, which watches over the job if it is held. One that is held
and has not changed for as long gets it up to twice as many messages as jobs, too. Superfluous messages are harmless by
the rules above.
"""
