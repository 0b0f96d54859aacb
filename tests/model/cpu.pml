/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual CPU's hand-over, as csrc/hypercall/cpu.c does it: CPU word, inbox
 * and wait words, with an idle thread, a thread that completes transfers, and
 * signals.  Names are those of the C file; every read-modify-write of a word
 * that others share is one step here, and what the CPU's holder owns is changed
 * in d_steps.
 *
 * Checked: two never hold the CPU at once; when nothing moves any more, nobody
 * waits for the CPU, nothing runnable and no completion is left, and the CPU is
 * free.  The queue of waiters is a set from which any may be taken: what holds
 * for every order holds for the real one.
 *
 * BUG selects a mistake for the checker to find (see test_model.py):
 *	1  a thread that posted itself does not try to take a free CPU
 *	2  a competitor that came too early is forgotten when the CPU is freed
 *	3  a thread parks though completions arrived while it gave up the CPU
 *	4  the deadline is armed without a kick
 *	5  a thread that was wanted while away does not post itself again
 *	6  the idle thread parks with contexts left to run, for others' sake
 *	7  the same, and release() does not look: what 6 comes to
 *
 *	8  reviving a dead kernel forgets a post that is being made
 *
 * Beside doors that work there are, by configuration, doors that give the CPU
 * away inside (RELEASES), a thread that gives up waiting (LIMITED), and a
 * kernel that dies and is revived with others at its door (REVIVALS).
 */

#ifndef BUG
#define	BUG	0
#endif
#ifndef HOSTS
#define	HOSTS	2		/* threads with doors; the idle thread is the next */
#endif
#ifndef OPS
#define	OPS	2		/* doors each of them opens */
#endif
#ifndef TRANSFERS
#define	TRANSFERS	1
#endif
#ifndef LIMITED
#define	LIMITED	0		/* host 0 gives up waiting that often */
#endif
#ifndef RELEASES
#define	RELEASES 0		/* doors give the CPU away inside, and take it */
#endif
#ifndef REVIVALS
#define	REVIVALS 0
#endif
#ifndef SIGNALS
#define	SIGNALS	1		/* host 0 may be interrupted that often */
#endif

#define	IDLE	HOSTS
#define	NHOSTS	(HOSTS + 1)
#define	NONE	255

#define	HELD	1
#define	ATTN	2

#define	W_RUN	0
#define	W_WAIT	1
#define	W_WAKE	2
#define	W_GRANT	3
#define	W_AWAY	4
#define	W_WANTED 5

byte cpu;			/* sh_cpu */
byte owner = NONE;		/* ghost: who holds it */

byte word[NHOSTS];		/* h_word: state */
/* h_word: count of kicks; so small that states recur */
#if REVIVALS
#define	KICKS	7
#else
#define	KICKS	1
#endif
byte kicked[NHOSTS];
bit sleeping[NHOSTS];		/* in the futex */
bit posted[NHOSTS];
bit inbox[NHOSTS];
bit queued[NHOSTS];
bit parked[NHOSTS];
bit intr[NHOSTS];
bit first;			/* h_first of the idle thread */
byte nwait;

bit runnable;			/* sh_runnable != 0 */
bit done;			/* sh_done is not empty */
bit work;			/* sh_work */
bit armed;			/* sh_deadline is not INT64_MAX */
bit until;			/* sh_until: the idle thread sleeps with it */
bit until_none;			/* sh_until is INT64_MAX, not INT64_MIN */
byte signals = SIGNALS;
byte limited = LIMITED;
byte revivals = REVIVALS;
bit dead;			/* ENTRY_DEAD */
bit inside[NHOSTS];
byte finished;

#define	TOOK(h)		assert(owner == NONE); owner = h
#define	GAVE()		owner = NONE

/* word_move() */
#define	MOVE(h, from, to, ok)						\
	atomic {							\
		if							\
		:: word[h] == from -> word[h] = to; ok = 1		\
		:: else -> ok = 0					\
		fi							\
	}

/* futex_wake() */
#define	WAKE(h)		sleeping[h] = 0

/* cpu_try() */
#define	TRY(h, ok)							\
	atomic {							\
		if							\
		:: (cpu & HELD) == 0 ->					\
			cpu = cpu | HELD; TOOK(h); ok = 1		\
		:: else -> ok = 0					\
		fi							\
	}

/* inbox_push() and cpu_attention() */
inline post(h, ok)
{
	atomic {
		was = posted[h];
		posted[h] = 1
	};
	if
	:: was == 0 ->
		assert(!inbox[h]);	/* or the list becomes a circle */
		inbox[h] = 1
	:: else
	fi;
	attention(h, ok)
}

inline attention(h, ok)
{
	atomic {
		was = (cpu & HELD) != 0;
		cpu = cpu | ATTN
	};
	if
	:: was || BUG == 1 -> ok = 0
	:: else -> TRY(h, ok)
	fi;
	was = 0
}

/* drain(): h_posted is cleared after the thread has left the inbox. */
inline drain(me)
{
	atomic { cpu = cpu & ~ATTN };
	i = 0;
	do
	:: i < NHOSTS ->
		atomic {
			was = inbox[i];
			inbox[i] = 0
		};
		if
		:: was ->
			atomic {
				if
				:: i != me && queued[i] == 0 ->
					queued[i] = 1; nwait++
				:: else
				fi
			};
			posted[i] = 0
		:: else
		fi;
		i++
	:: else -> break
	od;
	atomic {
		if
		:: done -> done = 0; work = 1
		:: else
		fi;
		i = 0;
		was = 0
	}
}

/* want_idle() */
inline want_idle(me)
{
	atomic {
		if
		:: me != IDLE && parked[IDLE] && queued[IDLE] == 0 &&
		    word[IDLE] == W_WAIT ->
			queued[IDLE] = 1; nwait++
		:: else
		fi
	}
}

inline take_first(h)
{
	atomic {
		if
		:: queued[0] -> h = 0
		:: queued[1] -> h = 1
#if NHOSTS > 2
		:: queued[2] -> h = 2
#endif
#if NHOSTS > 3
		:: queued[3] -> h = 3
#endif
		fi;
		queued[h] = 0;
		nwait--
	}
}

/* nothing_is_left(), asserted; its loads are not one step */
inline nothing_is_left()
{
	if
	:: BUG != 7 && (runnable || work) && parked[IDLE] &&
	    word[IDLE] == W_WAIT ->
		if
		:: posted[IDLE]
		:: else -> assert(first)
		fi
	:: else
	fi
}

/* release(); kept = 1: must_stay() */
inline release(me)
{
	kept = 0;
	do
	:: true ->
		if
		:: cpu & ATTN -> drain(me)
		:: else
		fi;
		if
		:: BUG != 3 && me != NONE && parked[me] && work ->
			kept = 1; break
		:: else
		fi;
		if
		:: runnable || work -> want_idle(me)
		:: else
		fi;
		if
		:: nwait > 0 ->
			take_first(h);
			pass_to(me);
			if
			:: passed -> break
			:: else
			fi
		:: else ->
			nothing_is_left();
			atomic {
				if
				:: cpu == HELD -> GAVE(); cpu = 0; break
				:: else
				fi
			}
		fi
	od;
	atomic { h = 0; passed = 0; grant = 0; ok = 0 }
}

/* pass_to(): grant or wake is a matter of time, so of choice here. */
inline pass_to(me)
{
	passed = 0;
	if
	:: grant = 0
	:: grant = 1
	fi;
	do
	:: true ->
		if
		:: grant ->
			/* The CPU changes hands with the word. */
			atomic {
				if
				:: word[h] == W_WAIT ->
					word[h] = W_GRANT;
					owner = h; ok = 1
				:: else -> ok = 0
				fi
			}
		:: else -> MOVE(h, W_WAIT, W_WAKE, ok)
		fi;
		if
		:: ok && grant -> passed = 1; WAKE(h); break
		:: ok && !grant ->
			cpu_free(me);
			WAKE(h);
			break
		:: else
		fi;
		MOVE(h, W_AWAY, W_WANTED, ok);
		if
		:: ok -> break
		:: else
		fi;
		if
		:: word[h] != W_WAIT && word[h] != W_AWAY -> break
		:: else
		fi
	od
}

/* cpu_free() */
inline cpu_free(me)
{
	do
	:: true ->
		atomic {
			if
			:: cpu == HELD ->
				GAVE(); cpu = 0; passed = 1; break
			:: else
			fi
		};
		drain(me);
		if
		:: BUG != 2 && queued[h] -> break
		:: BUG != 3 && me != NONE && parked[me] && work -> break
		:: else
		fi
	od
}

/* cpu_got() */
inline got(me)
{
	word[me] = W_RUN;
	atomic {
		if
		:: queued[me] -> queued[me] = 0; nwait--
		:: else
		fi;
		parked[me] = 0;
		if
		:: me == IDLE -> first = 0
		:: else
		fi
	};
	if
	:: cpu & ATTN -> drain(me)
	:: else
	fi
}

/* wait_for_cpu() */
inline wait_for_cpu(me)
{
	do
	:: true ->
		atomic { w = word[me]; kick = kicked[me] };
		if
		:: dead -> word[me] = W_RUN; gone = 1; break
		:: else
		fi;
		if
		:: w == W_GRANT -> assert(owner == me); break
		:: w == W_WAKE ->
			TRY(me, ok);
			if
			:: ok -> break
			:: else
			fi;
			if
			:: me == IDLE -> first = 1
			:: else
			fi;
			word[me] = W_WAIT;
			post(me, ok);
			if
			:: ok -> break
			:: else
			fi
		:: w == W_WAIT -> sleep(me);
			if
			:: ok || gone -> break
			:: else
			fi
		fi
	od;
	atomic { w = 0; kick = 0; ok = 0 }
}

/* One turn of sleep: ok = 1, we have the CPU. */
inline sleep(me)
{
	ok = 0;
	expired = 0;
	interrupted = 0;
	if
	:: me == IDLE ->
		/* sleep_until() */
		do
		:: true ->
			deadline = armed;
			atomic { until = deadline; until_none = !deadline };
			if
			:: armed == deadline -> break
			:: else
			fi
		od
	:: else
	fi;
	atomic {
		if
		:: word[me] == w && kicked[me] == kick -> sleeping[me] = 1
		:: else
		fi
	};
	if
	:: sleeping[me] == 0
	:: atomic {
		me == IDLE && until && sleeping[me] ->
			sleeping[me] = 0; expired = 1
	   }
	:: atomic {
		me == 0 && limited > 0 && sleeping[me] && !parked[me] &&
		    !given ->
			sleeping[me] = 0; late = 1; limited--
	   }
	:: atomic {
		me == 0 && signals > 0 && sleeping[me] && intr[me] == 0 ->
			sleeping[me] = 0; interrupted = 1; signals--
	   }
	fi;
	atomic {
		w = 0; kick = 0;
		if
		:: me == IDLE -> until = 0; until_none = 0
		:: else
		fi
	};
	if
	:: expired ->
		/* deadline_passed() */
		atomic {
			if
			:: armed -> armed = 0
			:: else -> expired = 0
			fi
		};
		if
		:: expired -> post(me, ok)
		:: else
		fi
	:: interrupted -> look_for_signals(me)
	:: late -> MOVE(me, W_WAIT, W_RUN, gone)	/* given_up() */
	:: else
	fi;
	atomic { late = 0; expired = 0; interrupted = 0; deadline = 0 }
}

inline look_for_signals(me)
{
	MOVE(me, W_WAIT, W_AWAY, ok);
	if
	:: ok ->
		if
		:: true			/* the handler returns */
		:: intr[me] = 1		/* it raises */
		fi;
		MOVE(me, W_AWAY, W_WAIT, ok);
		if
		:: ok -> ok = intr[me]
		:: else -> word[me] = W_WAIT; ok = (BUG != 5)
		fi;
		if
		:: ok -> post(me, ok)
		:: else
		fi
	:: else
	fi
}

/* hypercall_park() */
inline park(me)
{
	if
	:: intr[me] -> intr[me] = 0
	:: else ->
		parked[me] = 1;
		word[me] = W_WAIT;
		release(me);
		if
		:: kept ->
			word[me] = W_RUN;
			atomic {
				parked[me] = 0;
				if
				:: queued[me] -> queued[me] = 0; nwait--
				:: else
				fi
			}
		:: else ->
			wait_for_cpu(me);
			if
			:: gone
			:: else -> got(me)
			fi
		fi;
		intr[me] = 0
	fi
}

/* hypercall_arm() */
inline arm()
{
	armed = 1;
	if
	:: until_none && BUG != 4 ->	/* earlier than what it sleeps until */
		kicked[IDLE] = (kicked[IDLE] + 1) & KICKS;
		WAKE(IDLE)
	:: else
	fi
}

/* What a context may do in the kernel before its door leaves. */
inline kernel(me)
{
	if
	:: true
	:: runnable = 1
	:: armed == 0 -> arm()
	:: atomic {			/* hyp_unpark() of any other */
		if
		:: parked[0] && me != 0 && queued[0] == 0 ->
			queued[0] = 1; nwait++
		:: parked[1] && me != 1 && queued[1] == 0 ->
			queued[1] = 1; nwait++
		:: else
		fi
	   }
	:: true ->			/* sleep until time or signal */
		attend();
		if
		:: armed == 0 -> arm()
		:: else
		fi;
		park(me);
		if
		:: gone
		:: else -> attend()
		fi
#if REVIVALS
	:: revivals > 0 -> die(me)
#endif
#if RELEASES
	:: true ->			/* hyp_give() and hyp_take() */
		given = 1;
		give(me);
		take(me);
		given = 0
#endif
	fi
}

/*
 * A panic of this door's, and a restore by the same thread: kernel_kill(),
 * kernel_exhume() with cpu_reset(), kernel_revive() with cpu_recall().
 */
inline die(me)
{
	revivals--;
	dead = 1;
	i = 0;
	do
	:: i < NHOSTS -> atomic { kick_host(); i++ }
	:: else -> break
	od;
	inside[me] = 0;
	atomic { i = 0; nobody_open() };
	i = 0;
	do
	:: i < NHOSTS ->
#if BUG == 8
		atomic { inbox[i] = 0; posted[i] = 0 };
#else
		atomic { was = inbox[i]; inbox[i] = 0 };
		if
		:: was -> posted[i] = 0
		:: else
		fi;
#endif
		i++
	:: else -> break
	od;
	atomic {
		i = 0;
		do
		:: i < NHOSTS -> queued[i] = 0; parked[i] = 0; i++
		:: else -> break
		od;
		nwait = 0; runnable = 0; work = 0; done = 0; first = 0;
		armed = 0; was = 0;
		inside[me] = 1;
		dead = 0
	};
	i = 0;
	do
	:: i < NHOSTS ->
		MOVE(i, W_WAIT, W_WAKE, ok);
		atomic { kick_host(); i++ }
	:: else -> break
	od;
	atomic { i = 0; ok = 0 }
}

inline kick_host()
{
	kicked[i] = (kicked[i] + 1) & KICKS;
	WAKE(i)
}

/* kernel_drain() */
inline nobody_open()
{
	do
	:: i == NHOSTS -> break
	:: i < NHOSTS && !inside[i] -> i++
	od
}

/* cpu_take(); gone = 1: not, for it took too long */
inline take(me)
{
	atomic {
		if
		:: cpu == 0 -> cpu = HELD; TOOK(me); ok = 1
		:: else -> ok = 0
		fi
	};
	if
	:: ok
	:: else ->
		word[me] = W_WAIT;
		post(me, ok);
		if
		:: ok
		:: else -> wait_for_cpu(me)
		fi;
		if
		:: gone
		:: else -> got(me)
		fi
	fi;
	ok = 0
}

/* cpu_give() */
inline give(me)
{
	ok = 0;
	if
	:: nwait == 0 && !runnable && !work ->
		atomic {
			if
			:: cpu == HELD -> GAVE(); cpu = 0; ok = 1
			:: else
			fi
		}
	:: else
	fi;
	if
	:: ok
	:: else -> release(me)
	fi;
	ok = 0
}

/* hypercall_yield() */
inline yield(me)
{
	if
	:: cpu & ATTN -> drain(me)
	:: else
	fi;
	if
	:: nwait > 0 ->
		atomic { queued[me] = 1; nwait++ };
		word[me] = W_WAIT;
		release(me);
		wait_for_cpu(me);
		if
		:: gone
		:: else -> got(me)
		fi
	:: else
	fi
}

/* sched_attend() and home_lend() */
inline attend()
{
	atomic {
		work = 0;
		runnable = 0
	}
}

#define	LOCALS								\
	byte i, h, w, kick;						\
	bit was, ok, passed, kept, grant, deadline, expired,	\
	    interrupted, late, gone, given

proctype host(byte me)
{
	LOCALS;
	byte ops = OPS;

	do
	:: ops > 0 ->
		ops--;
		inside[me] = 1;
		take(me);
		if
		:: gone -> gone = 0
		:: else ->
			assert(owner == me);
			kernel(me);
			if
			:: gone -> gone = 0	/* it died */
			:: else ->
				assert(owner == me);
				work = 0;	/* door_attend() */
				give(me)
			fi;
			intr[me] = 0
		fi;
		inside[me] = 0
	:: else -> break
	od;
	finished++
}

/* kern_idle(): it also wakes who sleeps for a time, when that has come. */
proctype idle()
{
	LOCALS;
	byte j;

again:
	inside[IDLE] = 1;
	take(IDLE);
	if
	:: gone -> goto buried
	:: else
	fi;
end:	do
	:: true ->
		assert(owner == IDLE);
		work = 0;
		if
		:: runnable = 0
		:: nwait > 0			/* they have waited enough */
		fi;
		atomic {
			j = 0;
			do
			:: j < HOSTS ->
				if
				:: armed == 0 && parked[j] && queued[j] == 0 ->
					queued[j] = 1; nwait++
				:: else
				fi;
				j++
			:: else -> break
			od
		};
		if
		:: runnable && BUG != 6 && BUG != 7 -> yield(IDLE)
		:: else -> park(IDLE)
		fi;
		if
		:: gone -> goto buried
		:: else
		fi
	od;
buried:
	gone = 0;
	inside[IDLE] = 0;
	dead == 0;			/* idle_revived() */
	goto again
}

/* cpu_complete() */
proctype transfer()
{
	LOCALS;

	done = 1;
	attention(NONE, ok);
	if
	:: ok -> release(NONE)
	:: else
	fi
}

init {
	byte n = 0;

	atomic {
		run idle();
		do
		:: n < HOSTS -> run host(n); n++
		:: else -> break
		od;
#if TRANSFERS
		run transfer()
#endif
	};
	timeout;
	/* Nothing moves any more. */
	assert(finished == HOSTS);
	assert(cpu == 0 && owner == NONE);
	assert(!runnable && !work && !done && !armed);
	assert(nwait == 0)
}
