/* SPDX-License-Identifier: BSD-2-Clause */
/* Property lists, as far as a module asks what it was loaded with. */
#ifndef _PROP_PROPLIB_H_
#define	_PROP_PROPLIB_H_

typedef struct _prop_dictionary *prop_dictionary_t;
typedef struct _prop_string *prop_string_t;
typedef void *prop_object_t;

typedef enum {
	PROP_TYPE_UNKNOWN = 0
} prop_type_t;

prop_object_t prop_dictionary_get(prop_dictionary_t, const char *);
prop_type_t prop_object_type(prop_object_t);
const char *prop_string_cstring_nocopy(prop_string_t);

#endif /* !_PROP_PROPLIB_H_ */
