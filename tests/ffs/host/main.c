/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run the driver on an image: walk and read all of it, then change things at
 * random, and walk again.
 *
 *	ffshost [-lqrs] [-c writes] [-n operations] [-S seed] image [result]
 *	ffshost -F count [-f first] [-t seconds] [-gq] [-n operations] image ...
 *	ffshost -C script [-q] [-n operations] image ...
 *
 * -r mounts read-only and changes nothing, -s mounts synchronously, -l keeps a
 * journal, -c loses all that is written after so many writes, -q drops the
 * driver's messages.  The image is changed in memory and written to
 * result.  Exit code 0 (whatever errors the driver gave), 3 if the mount was
 * refused; a defect of the driver aborts.
 *
 * -F does that with count damaged copies of the images, in child processes.
 * Those that abort, or hang, are told by image and number: with -f that
 * number and -F 1 it happens again.  -t ends it after so much CPU time.  With
 * -g most images are made of those before that reached new code (guide.c);
 * they are told as scripts, which -C does again.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guide.h"
#include "mutate.h"
#include "standin.h"

struct modinfo {
	uint32_t	mi_version;
	int		mi_class;
	int		(*mi_modcmd)(int, void *);
};
/* The driver's module(9) declaration is in a section of that name. */
extern const struct modinfo *const __start_link_set_modules[];

static uint32_t seed = 1;
static unsigned nfiles, nerrors;
static struct script *script;	/* of this image; NULL: none */

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return n == 0 ? 0 : seed % n;
}

static void
count_(int error, int line)
{
	if (error == 0)
		return;
	nerrors++;
	if (getenv("FFSHOST_VERBOSE") != NULL)
		fprintf(stderr, "line %d: error %d\n", line, error);
}
#define	count(e)	count_((e), __LINE__)

/* One entry of getdents(2). */
struct entry {
	uint64_t	d_fileno;
	uint16_t	d_reclen;
	uint16_t	d_namlen;
	uint8_t		d_type;
	char		d_name[512];
};

static void
read_file(struct vnode *vp, int64_t size)
{
	static char buf[65536];

	for (int64_t off = 0; off < size && off < (256 << 10);
	    off += (int64_t)sizeof(buf)) {
		size_t len = sizeof(buf);

		count(hi_rdwr(vp, buf, &len, off, false));
	}
	if (size > (256 << 10) && size < (64 << 20)) {
		size_t len = sizeof(buf);

		count(hi_rdwr(vp, buf, &len, size - 5000, false));
	}
}

static void walk(struct vnode *, int);

static void
visit(struct vnode *dvp, const char *name, size_t len, int depth)
{
	static char link[2048];
	struct hi_attr ha;
	struct vnode *vp;
	size_t n = sizeof(link);
	int error = hi_lookup(dvp, name, len, HI_LOOKUP, &vp);

	count(error);
	if (error != 0)
		return;
	nfiles++;
	count(hi_getattr(vp, &ha));
	count(hi_listattr(vp, 1));
	count(hi_listattr(vp, 2));
	if (ha.ha_type == HI_REG)
		read_file(vp, ha.ha_size);
	else if (ha.ha_type == HI_LNK)
		count(hi_readlink(vp, link, &n));
	else if (ha.ha_type == HI_DIR && depth < 10 && nfiles < 20000)
		walk(vp, depth + 1);
	hi_rele(vp);
}

static void
walk(struct vnode *dvp, int depth)
{
	char *buf = malloc(8192);
	int64_t off = 0;
	int eof = 0;

	for (int i = 0; !eof && i < 5000; i++) {
		size_t len = 8192;
		int error = hi_readdir(dvp, buf, &len, &off, &eof);

		count(error);
		if (error != 0)
			break;
		for (size_t at = 0; at < len; ) {
			struct entry *e = (void *)(buf + at);

			at += e->d_reclen;
			if (e->d_namlen == 1 && e->d_name[0] == '.')
				continue;
			if (e->d_namlen == 2 && memcmp(e->d_name, "..", 2) == 0)
				continue;
			visit(dvp, e->d_name, e->d_namlen, depth);
		}
	}
	free(buf);
}

/* A random existing file, or a random directory, found by a random walk. */
static struct vnode *
pick(bool wantdir, char *name, size_t *lenp, struct vnode **parent)
{
	char *buf = malloc(65536);
	struct vnode *vp, *child;
	struct hi_attr ha;

	*parent = NULL;
	if (hi_root(&vp) != 0) {
		free(buf);
		return NULL;
	}
	for (int depth = 0; depth < 6; depth++) {
		int64_t off = 0;
		size_t len = 65536;
		int eof, n = 0, want;

		if (wantdir && rnd(3) == 0)
			break;
		if (hi_readdir(vp, buf, &len, &off, &eof) != 0 || len == 0)
			break;
		for (size_t at = 0; at < len; n++)
			at += ((struct entry *)(void *)(buf + at))->d_reclen;
		want = (int)rnd((uint32_t)n);
		for (size_t at = 0; at < len; want--) {
			struct entry *e = (void *)(buf + at);

			at += e->d_reclen;
			if (want > 0 || e->d_name[0] == '.')
				continue;
			if (hi_lookup(vp, e->d_name, e->d_namlen, HI_LOOKUP,
			    &child) != 0)
				break;
			hi_getattr(child, &ha);
			if (ha.ha_type == HI_DIR && (wantdir || rnd(2) == 0)) {
				hi_rele(vp);
				vp = child;
				goto deeper;
			}
			if (!wantdir) {
				memcpy(name, e->d_name, e->d_namlen);
				*lenp = e->d_namlen;
				*parent = vp;
				free(buf);
				return child;
			}
			hi_rele(child);
			break;
		}
		break;
deeper:		;
	}
	free(buf);
	if (wantdir)
		return vp;
	hi_rele(vp);
	return NULL;
}

static void
write_some(struct vnode *vp, int64_t base)
{
	static char buf[300000];
	size_t len = rnd(4) == 0 ? rnd(sizeof(buf)) : rnd(6000);
	int64_t off = base + (int64_t)rnd(2) * rnd(200000);

	if (rnd(40) == 0)
		off += (int64_t)rnd(1 << 20) * 64;
	memset(buf, (int)rnd(256), len);
	count(hi_rdwr(vp, buf, &len, off, true));
}

static void
create_one(void)
{
	static const int types[] = { HI_REG, HI_REG, HI_REG, HI_DIR, HI_LNK,
	    HI_FIFO, HI_CHR };
	static char target[1024];
	char name[256], old[512];
	size_t len = 1 + rnd(rnd(3) == 0 ? 250 : 20), oldlen;
	struct vnode *dvp, *vp, *parent;
	const int type = types[rnd(7)];

	for (size_t i = 0; i < len; i++)
		name[i] = (char)('a' + rnd(26));
	dvp = pick(true, old, &oldlen, &parent);
	if (dvp == NULL)
		return;
	if (rnd(8) == 0) {
		vp = pick(false, old, &oldlen, &parent);
		if (vp != NULL) {
			count(hi_link(dvp, vp, name, len));
			hi_rele(vp);
			hi_rele(parent);
		}
	} else {
		memset(target, 't', sizeof(target));
		target[1 + rnd(sizeof(target) - 2)] = '\0';
		int error = hi_make(dvp, name, len, type, target, &vp);

		count(error);
		if (error == 0) {
			if (type == HI_REG)
				write_some(vp, 0);
			hi_rele(vp);
		}
	}
	hi_rele(dvp);
}

static void
set_attr(struct vnode *vp)
{
	static const char *const names[] = { "a", "bb", "ccc",
	    "a.name.that.needs.some.more.room.than.others.do",
	    "posix1e.acl_access" };
	const int space = 1 + (int)rnd(2);
	const uint32_t kind = rnd(8);

	if (kind == 0)
		count(hi_acl(vp, 2 + (int)rnd(3)));
	else
		count(hi_setattr(vp, space, names[rnd(5)], kind == 1 ? -1 :
		    (int)(kind == 2 ? rnd(70000) : rnd(900))));
}

static void
change_one(void)
{
	char name[512];
	size_t len;
	struct hi_attr ha;
	struct vnode *parent, *vp = pick(false, name, &len, &parent);

	if (vp == NULL)
		return;
	hi_getattr(vp, &ha);
	switch (rnd(9)) {
	case 6:
		set_attr(vp);
		break;
	case 0:
	case 1:
		if (ha.ha_type == HI_REG)
			write_some(vp, ha.ha_size > 1 << 28 ? 0 : ha.ha_size);
		break;
	case 2:
		if (ha.ha_type == HI_REG)
			count(hi_truncate(vp, rnd(4) == 0 ? 0 : rnd(100000)));
		break;
	case 3:
		count(hi_fsync(vp));
		break;
	default:
		hi_rele(vp);
		vp = NULL;
		count(hi_remove(parent, name, len));
		break;
	}
	if (vp != NULL)
		hi_rele(vp);
	hi_rele(parent);
}

static void
remove_dir(void)
{
	char name[512];
	size_t len;
	struct vnode *parent, *dvp = pick(true, name, &len, &parent), *up;

	if (dvp == NULL)
		return;
	if (hi_lookup(dvp, "..", 2, HI_LOOKUP, &up) == 0) {
		int64_t off = 0;
		size_t n = 8192;
		char *buf = malloc(n);
		int eof;

		hi_rele(dvp);
		dvp = NULL;
		if (hi_readdir(up, buf, &n, &off, &eof) == 0 && n > 0) {
			struct entry *e = (void *)buf;
			uint32_t skip = rnd(20);

			for (size_t at = 0; skip > 0 && at < n; skip--) {
				e = (void *)(buf + at);
				at += e->d_reclen;
			}
			if (e->d_name[0] != '.')
				count(hi_remove(up, e->d_name, e->d_namlen));
		}
		free(buf);
		hi_rele(up);
	}
	if (dvp != NULL)
		hi_rele(dvp);
}

/* Whether there is an operation i; where its random numbers begin. */
static bool
next_op(unsigned i, unsigned nops)
{
	if (script == NULL || (script->fresh && i == SCRIPT_OPS))
		return i < nops;
	if (script->fresh && i < nops) {
		script->ops[i] = seed;
		script->nops = i + 1;
	} else if (!script->fresh && i < script->nops &&
	    script->ops[i] != 0)
		seed = script->ops[i];
	return i < (script->fresh ? nops : script->nops);
}

/*
 * Mount, walk, change, walk, unmount.  Returns what the mount said; leaves
 * the image as it was then written.
 */
static int
exercise(void *data, size_t size, int flags, unsigned nops, bool tell)
{
	struct vnode *root;
	int error;

	nfiles = nerrors = 0;
	error = hi_domount(data, size, flags);
	if (error != 0) {
		if (tell)
			fprintf(stderr, "refused: %d\n", error);
		return error;
	}
	if (hi_root(&root) == 0) {
		walk(root, 0);
		hi_rele(root);
	}
	if (tell)
		fprintf(stderr, "%u files, %u errors\n", nfiles, nerrors);
	nerrors = 0;
	for (unsigned i = 0; (flags & HI_RDONLY) == 0 && next_op(i, nops);
	    i++) {
		switch (rnd(8)) {
		case 0: case 1: case 2: create_one(); break;
		case 3: remove_dir(); break;
		default: change_one(); break;
		}
		if (rnd(100) == 0)
			count(hi_sync());
	}
	nfiles = 0;
	if (nops != 0 && hi_root(&root) == 0) {
		walk(root, 0);
		hi_rele(root);
	}
	error = hi_dounmount();
	if (tell)
		fprintf(stderr, "%u files, %u errors, unmount %d\n", nfiles,
		    nerrors, error);
	return 0;
}

static void *
read_image(const char *path, size_t *sizep)
{
	FILE *f = fopen(path, "rb");
	void *data;

	if (f == NULL)
		exit(2);
	fseek(f, 0, SEEK_END);
	*sizep = (size_t)ftell(f);
	rewind(f);
	data = malloc(*sizep);
	if (fread(data, 1, *sizep, f) != *sizep)
		exit(2);
	fclose(f);
	return data;
}

static void
write_image(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		exit(2);
}

/* Fuzzing: many damaged copies of some images, each given by its number. */

#define	PAGE	4096
#define	BATCH	200		/* images for each child process */
#define	PATIENCE 60		/* seconds for one image */

struct base {
	const char	*path;
	uint8_t		*whole, *copy;
	uint8_t		*dirty;		/* a byte for each page of copy */
	size_t		size;
	struct targets	*targets;
};
static struct base *current;
static struct base **bases;	/* what is used to the end is no leak */

static void
note_write(uint64_t off, size_t len)
{
	for (uint64_t p = off / PAGE; p <= (off + len - 1) / PAGE; p++)
		current->dirty[p] = 1;
}

static void
base_restore(struct base *b)
{
	for (size_t p = 0; p * PAGE < b->size; p++) {
		const size_t n = b->size - p * PAGE;

		if (!b->dirty[p])
			continue;
		memcpy(b->copy + p * PAGE, b->whole + p * PAGE,
		    n < PAGE ? n : PAGE);
		b->dirty[p] = 0;
	}
}

static struct base *
base_open(const char *path)
{
	struct base *b = calloc(1, sizeof(*b));

	b->path = path;
	b->whole = read_image(path, &b->size);
	b->copy = malloc(b->size);
	memcpy(b->copy, b->whole, b->size);
	b->dirty = calloc(1, b->size / PAGE + 1);
	b->targets = targets_find(b->whole, b->size);
	if (b->targets == NULL) {
		fprintf(stderr, "%s: no file system\n", path);
		exit(2);
	}
	return b;
}

/* How an image is mounted. */
static int
fuzz_flags(void)
{
	static const int lists[] = { 0, HI_ACLS, HI_NFS4ACLS };
	int flags = lists[rnd(3)];

	if (rnd(7) == 0)
		flags |= HI_RDONLY;
	if (rnd(5) == 0)
		flags |= HI_SYNC;
	if (rnd(4) == 0)
		flags |= HI_EXTATTR;
	if (rnd(2) == 0)
		flags |= HI_LOG;
	return flags;
}

static void
damage(struct base *b, struct script *sc)
{
	if (!sc->fresh) {
		for (uint32_t i = 0; i < sc->nmuts; i++)
			(void)mutate_step(b->targets, b->copy, sc->muts[i],
			    note_write);
		return;
	}
	sc->nmuts = mutate_begin(sc->number);
	for (uint32_t i = 0; i < sc->nmuts; i++)
		sc->muts[i] = mutate_step(b->targets, b->copy, 0, note_write);
}

/* For the fuzzer's own test: code that is known, instead of the driver. */
static void
fuzz_planted(struct script *sc)
{
	for (sc->nops = sc->fresh ? 0 : sc->nops; sc->fresh && sc->nops < 4; )
		sc->ops[sc->nops++] = (rnd(2), seed);
	planted(sc);
}

/*
 * One image; its script, of which a fresh one has the number only, says how
 * it is damaged, mounted and used.
 */
static void
fuzz_one(struct base *b, struct script *sc, unsigned nops, bool tell)
{
	const uint64_t number = sc->number;
	int flags;

	/* For the fuzzer's own test. */
	if (getenv("FFSHOST_FAIL") != NULL && number ==
	    strtoull(getenv("FFSHOST_FAIL"), NULL, 10))
		abort();
	current = b;
	hi_onwrite = note_write;
	damage(b, sc);
	seed = (uint32_t)number * 2654435761U + 1;
	for (int i = 0; i < 4; i++)
		(void)rnd(1);
	if (getenv("FFSHOST_PLANTED") != NULL) {
		fuzz_planted(sc);
		base_restore(b);
		return;
	}
	script = sc;
	flags = fuzz_flags();
	if (rnd(4) == 0)
		hi_fate(rnd(2) == 0 ? HI_LOSES : HI_FAILS, rnd(rnd(300) + 1));
	/* Where there can be no journal, without it. */
	if (exercise(b->copy, b->size, flags, rnd(nops + 1), tell) != 0 &&
	    (flags & HI_LOG) != 0)
		(void)exercise(b->copy, b->size, flags & ~HI_LOG,
		    rnd(nops + 1), tell);
	script = NULL;
	/* What was left can be used again, or read and then left alone. */
	if (rnd(4) == 0)
		(void)exercise(b->copy, b->size, rnd(2) == 0 ? HI_RDONLY :
		    fuzz_flags(), rnd(10), tell);
	base_restore(b);
}

/* Seconds of CPU that the children took. */
static double
fuzz_cpu(void)
{
	struct rusage ru;

	getrusage(RUSAGE_CHILDREN, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

/* What parent and children share. */
struct progress {
	uint64_t	at;		/* the image, counted from first */
	struct script	script;		/* that it is */
};

static void
fuzz_batch(volatile struct progress *p, struct guide *g, bool guided,
    uint64_t end, unsigned n, unsigned nops, bool tell)
{
	struct script *sc = (struct script *)&p->script;

	for (unsigned i = 0; i < BATCH && p->at < end; i++) {
		alarm(PATIENCE);
		if (guided)
			guide_choose(g, p->at, sc);
		else
			*sc = (struct script){ .number = p->at, .fresh = true };
		guide_begin();
		fuzz_one(bases[sc->number % n], sc, nops, tell);
		guide_end(g, sc);
		p->at++;
	}
	_exit(0);
}

static void
fuzz_failed(FILE *out, const struct script *sc, unsigned n, int status)
{
	const bool signaled = WIFSIGNALED(status);
	char *text = script_text(sc);

	fprintf(out, "%s ", bases[sc->number % n]->path);
	if (sc->fresh)
		fprintf(out, "%llu", (unsigned long long)sc->number);
	else
		fprintf(out, "%s", text);
	fprintf(out, " %s %d\n", signaled ? "signal" : "exit", signaled ?
	    WTERMSIG(status) : WEXITSTATUS(status));
	fflush(out);
	free(text);
}

static int
fuzz(unsigned n, uint64_t first, uint64_t count_, bool guided,
    double seconds, unsigned nops, bool tell)
{
	struct progress *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct guide *g = guide_new(n);
	const uint64_t end = first + count_;
	/* What the driver prints goes elsewhere. */
	FILE *out = fdopen(dup(STDOUT_FILENO), "w");
	unsigned bad = 0;
	int status;

	if (!tell && freopen("/dev/null", "w", stdout) == NULL)
		return 2;
	p->at = first;
	while (p->at < end && fuzz_cpu() < seconds) {
		pid_t pid = fork();

		if (pid == 0)
			fuzz_batch(p, g, guided, end, n, nops, tell);
		waitpid(pid, &status, 0);
		if (status == 0)
			continue;
		bad++;
		fuzz_failed(out, &p->script, n, status);
		p->at++;
	}
	fprintf(out, "%.0f seconds of CPU\n", fuzz_cpu());
	fprintf(out, "%u edges, %u scripts kept\n", guide_edges(g),
	    guide_kept(g));
	fprintf(out, "%llu images, %u failures\n",
	    (unsigned long long)(p->at - first), bad);
	fclose(out);
	return bad != 0;
}

int
main(int argc, char **argv)
{
	unsigned nops = 0, n;
	int c, error, flags = 0;
	bool quiet = false, guided = false;
	static struct script sc;
	const char *again = NULL;
	uint64_t first = 0, many = 0;
	double seconds = 1e9;

	size_t size;
	void *data;

	while ((c = getopt(argc, argv, "qrslgc:n:S:f:F:t:C:")) != -1) {
		switch (c) {
		case 'q': quiet = true; break;
		case 'r': flags |= HI_RDONLY; break;
		case 's': flags |= HI_SYNC; break;
		case 'l': flags |= HI_LOG; break;
		case 'g': guided = true; break;
		case 'C': again = optarg; break;
		case 'c': hi_fate(HI_LOSES, (unsigned)atoi(optarg)); break;
		case 'n': nops = (unsigned)atoi(optarg); break;
		case 'S': seed = (uint32_t)atoi(optarg) * 2654435761U + 1; break;
		case 'f': first = strtoull(optarg, NULL, 10); break;
		case 'F': many = strtoull(optarg, NULL, 10); break;
		case 't': seconds = atof(optarg); break;
		default: return 2;
		}
	}
	if (optind == argc)
		return 2;
	hi_start(__start_link_set_modules[0]->mi_modcmd, quiet);
	if (many != 0 || again != NULL) {
		n = (unsigned)(argc - optind);
		bases = calloc(n, sizeof(*bases));
		for (unsigned i = 0; i < n; i++)
			bases[i] = base_open(argv[optind + (int)i]);
		if (again == NULL)
			return fuzz(n, first, many, guided, seconds, nops,
			    !quiet);
		if (!script_parse(&sc, again))
			return 2;
		fuzz_one(bases[sc.number % n], &sc, nops, true);
		return 0;
	}
	if (quiet && freopen("/dev/null", "w", stdout) == NULL)
		return 2;
	data = read_image(argv[optind], &size);
	error = exercise(data, size, flags, nops, true);
	if (error == 0 && optind + 1 < argc)
		write_image(argv[optind + 1], data, size);
	free(data);
	return error == 0 ? 0 : 3;
}
