/* SPDX-License-Identifier: BSD-2-Clause */

/* Strings, numbers and small services that nothing in the kernel calls. */

#include <sys/callout.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/percpu.h>
#include <sys/proc.h>
#include <sys/rwlock.h>
#include <sys/vmem.h>

#include <dev/clock_subr.h>
#include <lib/libkern/libkern.h>

#include "coretest.h"

static int __printflike(2, 3)
formatted(char *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsprintf(buf, fmt, ap);
	va_end(ap);
	return n;
}

int
test_more_strings(void)
{
	static const char text[] = "one,two;three";
	char buf[32] = "ab", *end;

	CHECK(strcat(buf, "cd") == buf && strcmp(buf, "abcd") == 0);
	CHECK(strncat(buf, "efgh", 2) == buf && strcmp(buf, "abcdef") == 0);
	CHECK(strncat(buf, "", 5) == buf && strcmp(buf, "abcdef") == 0);
	CHECK(strcspn(text, ";,") == 3 && strcspn(text, "#") == 13);
	CHECK(strspn(text, "eno") == 3 && strspn(text, "x") == 0);
	CHECK(strpbrk(text, ";,") == text + 3 && strpbrk(text, "#") == NULL);
	CHECK(memchr(text, 't', 13) == text + 4);
	CHECK(memchr(text, 't', 4) == NULL && memchr(text, 't', 0) == NULL);
	CHECK(memmem(text, 13, "two", 3) == text + 4);
	CHECK(memmem(text, 6, "two", 3) == NULL);
	CHECK(memmem(text, 13, "", 0) == text);
	CHECK(strtoll("-0x10z", &end, 0) == -16 && *end == 'z');
	CHECK(strtoll("077", NULL, 0) == 63 && strtoll("12", NULL, 3) == 5);
	CHECK(strtoul("ffgh", &end, 16) == 255 && *end == 'g');
	CHECK(strtoul("none", &end, 10) == 0 && *end == 'n');
	CHECK(explicit_memset(buf, 'z', 3) == buf);
	CHECK(strcmp(buf, "zzzdef") == 0);
	CHECK(sprintf(buf, "%d-%s", 7, "x") == 3 && strcmp(buf, "7-x") == 0);
	CHECK(formatted(buf, "%04x", 255) == 4 && strcmp(buf, "00ff") == 0);
	CHECK(strcmp(intoa(0x0100007f), "127.0.0.1") == 0);
	CHECK(popcount(0) == 0 && popcount(0xf0f0f0f0u) == 16);
	CHECK(popcount(~0u) == 32);
	return 0;
}

int
test_calendar(void)
{
	struct clock_ymdhms dt;

	CHECK(clock_secs_to_ymdhms(951782400, &dt) == 0);
	CHECK(dt.dt_year == 2000 && dt.dt_mon == 2 && dt.dt_day == 29);
	CHECK(dt.dt_wday == 2 && dt.dt_hour == 0 && dt.dt_sec == 0);
	CHECK(clock_ymdhms_to_secs(&dt) == 951782400);
	dt.dt_mon = 3;
	dt.dt_day = 1;
	dt.dt_sec = 59;
	CHECK(clock_ymdhms_to_secs(&dt) == 951782400 + 86400 + 59);
	return 0;
}

int
test_kmem_kinds(void)
{
	char small[16], *p;

	p = kmem_intr_zalloc(100, KM_SLEEP);
	for (int i = 0; i < 100; i++)
		CHECK(p[i] == 0);
	kmem_intr_free(p, 100);
	p = kmem_intr_alloc(5000, KM_NOSLEEP);
	CHECK(p != NULL);
	kmem_intr_free(p, 5000);
	CHECK(kmem_tmpbuf_alloc(16, small, sizeof(small), KM_SLEEP) == small);
	kmem_tmpbuf_free(small, 16, small);
	p = kmem_tmpbuf_alloc(17, small, sizeof(small), KM_SLEEP);
	CHECK(p != NULL && p != small);
	kmem_tmpbuf_free(p, 17, small);
	CHECK(kmem_roundup_size(17) >= 17 && kmem_roundup_size(5000) == 8192);
	return 0;
}

static int percpu_seen;

static void
percpu_start(void *data, void *arg, struct cpu_info *ci)
{

	*(int *)data = *(int *)arg;
}

static void
percpu_end(void *data, void *arg, struct cpu_info *ci)
{

	percpu_seen = *(int *)data;
}

static void
percpu_add(void *data, void *arg, struct cpu_info *ci)
{

	*(int *)arg += *(int *)data;
}

int
test_percpu(void)
{
	int start = 40, sum = 0, *p;
	percpu_t *pc = percpu_create(sizeof(int), percpu_start, percpu_end,
	    &start);

	p = percpu_getref(pc);
	*p += 2;
	percpu_putref(pc);
	percpu_foreach(pc, percpu_add, &sum);
	CHECK(sum == 42);
	percpu_free(pc, sizeof(int));
	CHECK(percpu_seen == 42);
	pc = percpu_alloc(sizeof(int));
	p = percpu_getref(pc);
	CHECK(*p == 0);
	percpu_putref(pc);
	percpu_free(pc, sizeof(int));
	return 0;
}

int
test_vmem(void)
{
	vmem_t *vm = vmem_create("coretest", 1024, 160, 16, NULL, NULL, NULL,
	    0, VM_SLEEP, IPL_NONE);
	vmem_addr_t a[10], more;

	for (int i = 0; i < 10; i++) {
		CHECK(vmem_alloc(vm, 16, VM_BESTFIT | VM_NOSLEEP, &a[i]) == 0);
		CHECK(a[i] >= 1024 && a[i] + 16 <= 1184 && a[i] % 16 == 0);
		for (int j = 0; j < i; j++)
			CHECK(a[j] != a[i]);
	}
	CHECK(vmem_alloc(vm, 16, VM_INSTANTFIT | VM_NOSLEEP, &more) == ENOMEM);
	vmem_free(vm, a[3], 16);
	CHECK(vmem_alloc(vm, 16, VM_BESTFIT | VM_NOSLEEP, &more) == 0);
	CHECK(more == a[3]);
	CHECK(vmem_add(vm, 4096, 48, VM_SLEEP) == 0);
	CHECK(vmem_alloc(vm, 48, VM_BESTFIT | VM_NOSLEEP, &more) == 0);
	CHECK(more == 4096);
	vmem_free(vm, more, 48);
	for (int i = 0; i < 10; i++)
		vmem_free(vm, a[i], 16);
	vmem_destroy(vm);
	return 0;
}

static kmutex_t call_lock;
static int called;

static void
call_me(void *arg)
{

	mutex_enter(&call_lock);
	called += *(int *)arg;
	mutex_exit(&call_lock);
}

int
test_callout_state(void)
{
	static callout_t c;
	int by = 5;

	mutex_init(&call_lock, MUTEX_DEFAULT, IPL_SOFTCLOCK);
	callout_init(&c, CALLOUT_MPSAFE);
	callout_setfunc(&c, call_me, &by);
	CHECK(!callout_pending(&c) && !callout_expired(&c));
	CHECK(!callout_active(&c) && !callout_invoking(&c));
	callout_schedule(&c, 1);
	CHECK(callout_pending(&c) && callout_active(&c));
	kpause("coretest", false, 4, NULL);
	CHECK(called == 5);
	CHECK(!callout_pending(&c) && callout_expired(&c));
	callout_ack(&c);
	CHECK(!callout_invoking(&c));
	callout_schedule(&c, 1000 * hz);
	CHECK(!callout_stop(&c) && !callout_pending(&c));
	(void)callout_halt(&c, NULL);
	callout_destroy(&c);
	mutex_destroy(&call_lock);
	return 0;
}

int
test_lock_objects(void)
{
	kmutex_t *m = mutex_obj_tryalloc(MUTEX_DEFAULT, IPL_NONE);
	krwlock_t *rw = rw_obj_tryalloc();

	CHECK(m != NULL && rw != NULL);
	CHECK(mutex_obj_refcnt(m) == 1 && rw_obj_refcnt(rw) == 1);
	mutex_obj_hold(m);
	rw_obj_hold(rw);
	CHECK(mutex_obj_refcnt(m) == 2 && rw_obj_refcnt(rw) == 2);
	CHECK(mutex_ownable(m) && !mutex_owned(m));
	rw_enter(rw, RW_READER);
	CHECK(rw_lock_op(rw) == RW_READER);
	rw_exit(rw);
	rw_enter(rw, RW_WRITER);
	CHECK(rw_lock_op(rw) == RW_WRITER);
	rw_exit(rw);
	CHECK(!mutex_obj_free(m) && !rw_obj_free(rw));
	CHECK(mutex_obj_free(m) && rw_obj_free(rw));
	return 0;
}
