/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes objects for a kernel to fill in, which cffi can't make.
 *
 * What a kernel reads into memory of cffi's has to be copied once more, into
 * a bytes object and with the GIL in hand; for a mebibyte that takes as long
 * as the read itself, and stops every other thread.
 */

#include <Python.h>

#include "face.h"

static PyObject *
new_bytes(PyObject *self, PyObject *length)
{
	Py_ssize_t n = PyNumber_AsSsize_t(length, PyExc_OverflowError);

	(void)self;
	if (n == -1 && PyErr_Occurred() != NULL)
		return NULL;
	return PyBytes_FromStringAndSize(NULL, n);
}

static PyMethodDef functions[] = {
	{ "new_bytes", new_bytes, METH_O,
	    "Bytes of that length, with nothing in them yet." },
	{ NULL, NULL, 0, NULL }
};

int
face_python(void)
{
	PyGILState_STATE held = PyGILState_Ensure();
	PyObject *module = PyImport_AddModule("rumpy._bytes");
	int error = -1;

	if (module != NULL)
		error = PyModule_AddFunctions(module, functions);
	if (error != 0)
		PyErr_Clear();
	PyGILState_Release(held);
	return error;
}
