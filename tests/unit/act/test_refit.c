/* A plan that stands, and devices that change under it: it only ever gets tighter. */
#include "../facts/networks.h"

#include <kr/mem.h>
#include <kr/refit.h>

struct host {
    struct view w;
    struct kr_plan plan;
};

/* eth0 with the default route is fenced; lan0 is exempt. */
static void standing(struct host *h)
{
    memset(h, 0, sizeof *h);
    loopback(&h->w);
    link_add(&h->w, "eth0", "veth");
    link_add(&h->w, "lan0", "veth");
    address(&h->w, "eth0", "192.0.2.2/24");
    address(&h->w, "lan0", "192.168.1.1/24");
    route(&h->w, "default", "192.0.2.1", "eth0");
    assert_int_equal(kr_uplinks_find(&h->w.v, NULL, KR_HOLE_NAME, &h->plan.uplinks, NULL), 0);
    h->plan.lan.v = kr_calloc(1, sizeof *h->plan.lan.v);
    struct kr_exempt *x = &h->plan.lan.v[h->plan.lan.n++];
    kr_prefix_parse("192.168.1.0/24", &x->prefix, NULL);
    x->index = index_of(&h->w, "lan0");
    strcpy(x->ifname, "lan0");
    x->has_source = true;
    kr_addr_parse("192.168.1.1", &x->source, NULL);
    h->plan.hole4 = h->plan.sink4.on = true;
    kr_addr_parse("192.0.2.2", &h->plan.source4, NULL);
}

static struct kr_refit fit(struct host *h, const struct kr_origin *o)
{
    struct kr_refit r;
    assert_int_equal(kr_refit(&h->plan, &h->w.v, o, &r, NULL), 0);
    return r;
}

static void done(struct host *h, struct kr_refit *r)
{
    kr_refit_free(r);
    kr_plan_free(&h->plan);
}

static const struct kr_uplink *row(const struct kr_refit *r, const char *name)
{
    for (size_t i = 0; i < r->plan.uplinks.n; i++)
        if (strcmp(r->plan.uplinks.v[i].name, name) == 0)
            return &r->plan.uplinks.v[i];
    return NULL;
}

static void nothing_changed(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    struct kr_refit r = fit(&h, NULL);
    assert_string_equal(kr_buf_str(&r.said), "");
    assert_false(r.fenced || r.lost);
    assert_false(kr_refit_needs_origin(&h.plan, &h.w.v));
    assert_string_equal(row(&r, "eth0")->why, "default route");
    done(&h, &r);
}

static void what_leads_out_is_fenced(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    link_add(&h.w, "up1", "veth");
    struct kr_refit r = fit(&h, NULL);
    assert_null(row(&r, "up1"));
    kr_refit_free(&r);
    route(&h.w, "203.0.113.0/24", "100.64.1.1", "up1");
    r = fit(&h, NULL);
    assert_non_null(row(&r, "up1"));
    assert_true(r.fenced && !r.lost);
    assert_non_null(strstr(kr_buf_str(&r.said), "fenced up1"));
    assert_non_null(row(&r, "eth0"));
    done(&h, &r);
}

static void a_fence_stays_with_its_device(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    h.w.v.n_routes--; /* the default route */
    struct kr_refit r = fit(&h, NULL);
    assert_non_null(row(&r, "eth0"));
    assert_string_equal(kr_buf_str(&r.said), "");
    done(&h, &r);
}

static void a_device_that_came_back(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    h.plan.uplinks.v[0].index = 77;
    struct kr_refit r = fit(&h, NULL);
    assert_int_equal(row(&r, "eth0")->index, index_of(&h.w, "eth0"));
    assert_true(r.fenced);
    assert_non_null(strstr(kr_buf_str(&r.said), "it went and came back"));
    done(&h, &r);
}

static void a_device_that_is_gone(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    strcpy(h.plan.uplinks.v[0].name, "eth7");
    struct kr_refit r = fit(&h, NULL);
    assert_null(row(&r, "eth7"));
    assert_non_null(row(&r, "eth0"));
    assert_true(r.lost);
    done(&h, &r);
}

static void named_devices_only(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    strcpy(h.plan.uplinks.v[0].why, "named by --uplink");
    link_add(&h.w, "up1", "veth");
    route(&h.w, "203.0.113.0/24", "100.64.1.1", "up1");
    struct kr_refit r = fit(&h, NULL);
    assert_null(row(&r, "up1"));
    assert_string_equal(kr_buf_str(&r.said), "");
    done(&h, &r);
}

/* A tag that comes later would be let through by an up; a watch does not. */
static void tags_are_not_let_through(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    vlan_on(&h.w, "eth0.5", "eth0");
    route(&h.w, "203.0.113.0/24", "100.64.1.1", "eth0.5");
    struct kr_refit r = fit(&h, NULL);
    assert_non_null(row(&r, "eth0.5"));
    assert_false(row(&r, "eth0")->carries_vlan);
    done(&h, &r);
}

static void exemption_lost(const char *why, void (*change)(struct host *))
{
    struct host h;
    standing(&h);
    change(&h);
    struct kr_refit r = fit(&h, NULL);
    assert_int_equal(r.plan.lan.n, 0);
    assert_true(r.lost);
    assert_non_null(strstr(kr_buf_str(&r.said), why));
    assert_int_equal(h.plan.lan.n, 1); /* what was handed in is left alone */
    done(&h, &r);
}

static void goes_down(struct host *h)
{
    h->w.links[2].flags = 0;
}

static void is_another(struct host *h)
{
    strcpy(h->w.links[2].name, "evil0");
}

static void loses_its_address(struct host *h)
{
    kr_addr_parse("192.168.1.7", &h->w.addrs[1].addr, NULL);
}

static void exemptions_go(void **state)
{
    (void)state;
    exemption_lost("its device is down", goes_down);
    exemption_lost("its device is gone", is_another);
    exemption_lost("its source address is gone", loses_its_address);
}

static void exemptions_do_not_come(void **state)
{
    struct host h;
    (void)state;
    standing(&h);
    link_add(&h.w, "lan1", "veth");
    address(&h.w, "lan1", "10.0.0.1/8");
    address(&h.w, "lan0", "192.168.7.1/24");
    struct kr_refit r = fit(&h, NULL);
    assert_int_equal(r.plan.lan.n, 1);
    done(&h, &r);
}

static void sources(void **state)
{
    struct host h;
    struct kr_origin o = {.has4 = true};
    (void)state;
    standing(&h);
    kr_addr_parse("192.0.2.9", &h.w.addrs[0].addr, NULL);
    kr_addr_parse("192.0.2.9", &o.source4, NULL);
    assert_true(kr_refit_needs_origin(&h.plan, &h.w.v));
    struct kr_refit r = fit(&h, &o);
    assert_true(r.plan.hole4 && kr_addr_cmp(&r.plan.source4, &o.source4) == 0);
    kr_refit_free(&r);
    o.has4 = false;
    r = fit(&h, &o);
    assert_false(r.plan.hole4);
    assert_true(r.lost);
    kr_plan_free(&h.plan);
    h.plan = r.plan; /* and back */
    kr_buf_free(&r.said);
    assert_true(kr_refit_needs_origin(&h.plan, &h.w.v));
    r = fit(&h, &o);
    assert_string_equal(kr_buf_str(&r.said), "");
    kr_refit_free(&r);
    o.has4 = true;
    r = fit(&h, &o);
    assert_true(r.plan.hole4);
    done(&h, &r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed),
        cmocka_unit_test(what_leads_out_is_fenced),
        cmocka_unit_test(a_fence_stays_with_its_device),
        cmocka_unit_test(a_device_that_came_back),
        cmocka_unit_test(a_device_that_is_gone),
        cmocka_unit_test(named_devices_only),
        cmocka_unit_test(tags_are_not_let_through),
        cmocka_unit_test(exemptions_go),
        cmocka_unit_test(exemptions_do_not_come),
        cmocka_unit_test(sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
