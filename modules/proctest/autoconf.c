/* SPDX-License-Identifier: BSD-2-Clause */
/* Components of drivers: a bus that finds children. */

#include <sys/device.h>

#include "proctest.h"

static device_t gone;

static int
never(device_t parent, cfdata_t cf, void *aux)
{
	(void)parent, (void)cf, (void)aux;
	return 0;
}

static int
on_even(device_t parent, cfdata_t cf, void *aux)
{
	(void)parent, (void)cf;
	return *(int *)aux % 2 == 0;
}

static void
bus_attach(device_t parent, device_t self, void *aux)
{
	(void)parent, (void)self, (void)aux;
}

static void
leaf_attach(device_t parent, device_t self, void *aux)
{
	(void)parent;
	*(int *)device_private(self) = *(int *)aux;
}

static int
detach(device_t self, int flags)
{
	(void)self, (void)flags;
	return 0;
}

static void
child_detached(device_t self, device_t child)
{
	(void)self;
	gone = child;
}

static struct cfdriver bus_cd = { .cd_name = "bus", .cd_class = DV_BUS };
static struct cfdriver leaf_cd = { .cd_name = "leaf", .cd_class = DV_DULL };
static struct cfattach bus_ca = {
	.ca_name = "bus", .ca_match = never, .ca_attach = bus_attach,
	.ca_detach = detach, .ca_childdetached = child_detached,
};
static struct cfattach leaf_ca = {
	.ca_name = "leaf", .ca_devsize = sizeof(int), .ca_match = on_even,
	.ca_attach = leaf_attach, .ca_detach = detach,
};
static struct cfdriver *const drivers[] = { &bus_cd, &leaf_cd, NULL };
static struct cfdriver *const leaf_only[] = { &leaf_cd, NULL };
static struct cfattach *const bus_list[] = { &bus_ca, NULL };
static struct cfattach *const leaf_list[] = { &leaf_ca, NULL };
static const struct cfattachinit attachments[] = {
	{ "bus", bus_list }, { "leaf", leaf_list }, { NULL, NULL },
};
static const struct cfparent on_bus = { "busattr", NULL, DVUNIT_ANY };
static struct cfdata table[] = {
	{ .cf_name = "leaf", .cf_atname = "leaf", .cf_fstate = FSTATE_STAR,
	    .cf_pspec = &on_bus },
	{ .cf_name = NULL },
};
static struct cfdata bus_row = {
	.cf_name = "bus", .cf_atname = "bus", .cf_fstate = FSTATE_STAR,
};

static int
count_print(void *aux, const char *parent)
{
	if (strcmp(parent, "bus0") == 0)
		*(int *)aux += 100;
	return QUIET;
}

int
test_autoconf(void)
{
	const struct cfargs args = {
		.cfargs_version = CFARGS_VERSION, .iattr = "busattr",
	};
	const struct cfargs other = {
		.cfargs_version = CFARGS_VERSION, .iattr = "else",
	};
	int even = 4, odd = 5;
	device_t bus, leaf;

	CHECK(config_init_component(drivers, attachments, table) == 0);
	CHECK(config_init_component(leaf_only, attachments, table) == EEXIST);
	bus = config_attach_pseudo(&bus_row);
	CHECK(bus != NULL && device_parent(bus) == NULL);
	CHECK(config_found(bus, &odd, count_print, &args) == NULL);
	CHECK(odd == 105);
	CHECK(config_found(bus, &even, NULL, &other) == NULL);
	leaf = config_found(bus, &even, NULL, &args);
	CHECK(leaf != NULL && device_parent(leaf) == bus);
	CHECK(strcmp(device_xname(leaf), "leaf0") == 0);
	CHECK(*(int *)device_lookup_private(&leaf_cd, 0) == 4);
	CHECK(config_fini_component(drivers, attachments, table) == EBUSY);
	CHECK(config_detach(leaf, 0) == 0 && gone == leaf);
	CHECK(config_detach(bus, 0) == 0);
	CHECK(config_fini_component(drivers, attachments, table) == 0);
	CHECK(config_fini_component(drivers, attachments, table) == ENOENT);
	CHECK(config_init_component(drivers, attachments, table) == 0);
	CHECK(config_fini_component(drivers, attachments, table) == 0);
	return 0;
}
