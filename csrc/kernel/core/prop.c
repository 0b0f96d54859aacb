/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Property lists: modctl(2) takes none, so a module is never handed one, and
 * each of its questions about one has the answer for an object that is not
 * there (prop_object(3)): NULL, and the unknown type.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <prop/proplib.h>

prop_object_t
prop_dictionary_get(prop_dictionary_t dict, const char *key __unused)
{

	KASSERT(dict == NULL);
	return NULL;
}

prop_type_t
prop_object_type(prop_object_t obj)
{

	KASSERT(obj == NULL);
	return PROP_TYPE_UNKNOWN;
}

const char *
prop_string_cstring_nocopy(prop_string_t string)
{

	KASSERT(string == NULL);
	return NULL;
}
