/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * System calls about time.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/proc.h>
#include <sys/syscallargs.h>
#include <sys/time.h>

int
sys___gettimeofday50(struct lwp *l,
    const struct sys___gettimeofday50_args *uap, register_t *retval)
{
	struct timezone tz = { 0, 0 };
	struct timeval tv;
	int error = 0;

	if (SCARG(uap, tp) != NULL) {
		microtime(&tv);
		error = copyout(&tv, SCARG(uap, tp), sizeof(tv));
	}
	if (error == 0 && SCARG(uap, tzp) != NULL)
		error = copyout(&tz, SCARG(uap, tzp), sizeof(tz));
	return error;
}

int
sys___clock_gettime50(struct lwp *l,
    const struct sys___clock_gettime50_args *uap, register_t *retval)
{
	struct timespec ts;

	switch (SCARG(uap, clock_id)) {
	case CLOCK_REALTIME:
		nanotime(&ts);
		break;
	case CLOCK_MONOTONIC:
		nanouptime(&ts);
		break;
	default:
		return EINVAL;
	}
	return copyout(&ts, SCARG(uap, tp), sizeof(ts));
}

int
sys___clock_getres50(struct lwp *l,
    const struct sys___clock_getres50_args *uap, register_t *retval)
{
	struct timespec ts = { .tv_nsec = 1 };

	switch (SCARG(uap, clock_id)) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
		break;
	default:
		return EINVAL;
	}
	if (SCARG(uap, tp) == NULL)
		return 0;
	return copyout(&ts, SCARG(uap, tp), sizeof(ts));
}

int
sys___nanosleep50(struct lwp *l, const struct sys___nanosleep50_args *uap,
    register_t *retval)
{
	struct timespec want, start, end, left;
	int error, error1;

	error = copyin(SCARG(uap, rqtp), &want, sizeof(want));
	if (error != 0)
		return error;
	if (want.tv_sec < 0 || want.tv_nsec < 0 || want.tv_nsec >= 1000000000L)
		return EINVAL;
	if (!timespecisset(&want))
		return 0;
	nanouptime(&start);
	error = kpause("nanoslp", true, MAX(1, tstohz(&want)), NULL);
	if (error == EWOULDBLOCK)
		error = 0;
	if (error == ERESTART)
		error = EINTR;
	if (SCARG(uap, rmtp) != NULL && error == EINTR) {
		nanouptime(&end);
		timespecsub(&end, &start, &end);
		timespecclear(&left);
		if (timespeccmp(&want, &end, >))
			timespecsub(&want, &end, &left);
		error1 = copyout(&left, SCARG(uap, rmtp), sizeof(left));
		if (error1 != 0)
			error = error1;
	}
	return error;
}
