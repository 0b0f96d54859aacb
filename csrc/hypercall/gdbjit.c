/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Tells gdb about linked images, on request (rumpy/linker/debug.py).  The
 * names and layouts are gdb's ("JIT Compilation Interface" in its manual): it
 * sets a breakpoint in __jit_debug_register_code() and reads the list behind
 * __jit_debug_descriptor.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gdbjit.h"

#define	JIT_NOACTION	0
#define	JIT_REGISTER	1
#define	JIT_UNREGISTER	2

#define	VISIBLE	__attribute__((__visibility__("default"), __used__))

struct jit_code_entry {
	struct jit_code_entry	*next_entry;
	struct jit_code_entry	*prev_entry;
	const char		*symfile_addr;
	uint64_t		symfile_size;
};

struct jit_descriptor {
	uint32_t		version;
	uint32_t		action_flag;
	struct jit_code_entry	*relevant_entry;
	struct jit_code_entry	*first_entry;
};

void	__jit_debug_register_code(void);

VISIBLE struct jit_descriptor __jit_debug_descriptor = { .version = 1 };

/* The asm keeps calls from being merged or left out. */
VISIBLE void __attribute__((__noinline__))
__jit_debug_register_code(void)
{

	__asm__ volatile("" ::: "memory");
}

static pthread_mutex_t jit_lock = PTHREAD_MUTEX_INITIALIZER;

static void
tell_locked(struct jit_code_entry *entry, uint32_t action)
{

	__jit_debug_descriptor.relevant_entry = entry;
	__jit_debug_descriptor.action_flag = action;
	__jit_debug_register_code();
	__jit_debug_descriptor.action_flag = JIT_NOACTION;
	__jit_debug_descriptor.relevant_entry = NULL;
}

uint64_t
hyp_gdb_add(const char *object, uint64_t size)
{
	struct jit_code_entry *entry, *first;
	char *copy;

	entry = malloc(sizeof(*entry) + size);
	if (entry == NULL)
		return 0;
	copy = (char *)(entry + 1);
	memcpy(copy, object, size);
	entry->symfile_addr = copy;
	entry->symfile_size = size;
	entry->prev_entry = NULL;
	pthread_mutex_lock(&jit_lock);
	first = __jit_debug_descriptor.first_entry;
	entry->next_entry = first;
	if (first != NULL)
		first->prev_entry = entry;
	__jit_debug_descriptor.first_entry = entry;
	tell_locked(entry, JIT_REGISTER);
	pthread_mutex_unlock(&jit_lock);
	return (uint64_t)(uintptr_t)entry;
}

void
hyp_gdb_remove(uint64_t token)
{
	struct jit_code_entry *entry = (void *)(uintptr_t)token;

	pthread_mutex_lock(&jit_lock);
	if (entry->prev_entry != NULL)
		entry->prev_entry->next_entry = entry->next_entry;
	else
		__jit_debug_descriptor.first_entry = entry->next_entry;
	if (entry->next_entry != NULL)
		entry->next_entry->prev_entry = entry->prev_entry;
	tell_locked(entry, JIT_UNREGISTER);
	pthread_mutex_unlock(&jit_lock);
	free(entry);
}
