/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages on their way in: collect a batch, nominate it with one TLB flush,
 * then compress and commit page by page, with no lock held across the codec.
 */
#include <xen/domain_page.h>
#include <xen/sched.h>

#include "private.h"

void mc_free_store_pages(void *const pages[], unsigned int nr)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        mc_frame_put(virt_to_page(pages[i]));
}

void mc_free_object(struct domain *d, uint64_t h)
{
    struct mem_compress *mc = d->mem_compress;
    void *pages[MC_CHAIN_MAX];
    unsigned int nr;

    spin_lock(&mc->lock);
    nr = mc_store_free(&mc->store, h, pages);
    spin_unlock(&mc->lock);

    mc_free_store_pages(pages, nr);
}

/* Give the store the pages it needs to take an object of @len bytes. */
static int grow_store(struct mem_compress *mc, unsigned int len,
                      enum mc_urgency urgency)
{
    void *pages[MC_CHAIN_MAX];
    unsigned int want, nr;
    bool full;
    int rc;

    spin_lock(&mc->lock);
    want = mc_store_pages_needed(&mc->store, len);
    full = mc->max_store_pages &&
           mc->store.pages + want > mc->max_store_pages;
    if ( full && ++mc->vain >= MC_VAIN_MAX )
    {
        mc->vain = MC_VAIN_MAX;
        mc->full_pages = mc->store.pages;
        mc->full_bytes = mc->store.bytes;
    }
    spin_unlock(&mc->lock);

    if ( full )
        return -EBUSY;

    for ( nr = 0; nr < want; nr++ )
    {
        struct page_info *pg = mc_frame_get(mc, urgency);

        if ( !pg )
        {
            mc_free_store_pages(pages, nr);
            return -ENOMEM;
        }
        pages[nr] = page_to_virt(pg);
    }

    if ( !nr )
        return 0;

    spin_lock(&mc->lock);
    rc = mc_store_add_chain(&mc->store, len, pages, nr);
    spin_unlock(&mc->lock);

    if ( rc )
        mc_free_store_pages(pages, nr);

    return rc;
}

static int store_object(struct mem_compress *mc, gfn_t gfn, const void *data,
                        unsigned int len, enum mc_codec codec,
                        enum mc_urgency urgency, mc_handle_t *h)
{
    bool crc = mc->flags & XEN_MEM_COMPRESS_S_crc;
    uint32_t sum = crc ? mc_crc32c(0, data, len) : 0;
    unsigned int tries;
    int rc;

    /* Others may take the slot we made room for: a few times, not for ever. */
    for ( tries = 0; ; tries++ )
    {
        spin_lock(&mc->lock);
        rc = mc_inject() ? -ENOMEM
                         : mc_store_put(&mc->store, gfn_x(gfn), data, len, sum,
                                        codec | (crc ? CODEC_HAS_CRC : 0), h);
        if ( !rc )
            mc->vain = 0;
        spin_unlock(&mc->lock);

        if ( rc != -ENOMEM || tries == 4 )
            return rc;

        rc = grow_store(mc, len, urgency);
        if ( rc )
            return rc;
    }
}

bool mc_store_is_full(const struct domain *d)
{
    const struct mem_compress *mc = d->mem_compress;

    return ACCESS_ONCE(mc->max_store_pages) &&
           ACCESS_ONCE(mc->store.pages) >= ACCESS_ONCE(mc->full_pages) &&
           ACCESS_ONCE(mc->store.bytes) >= ACCESS_ONCE(mc->full_bytes);
}

bool mc_needs_no_store(const struct domain *d, const void *va,
                       struct mc_leaf *leaf)
{
    uint64_t word;

    if ( (d->mem_compress->flags & XEN_MEM_COMPRESS_S_codec_only) ||
         !mc_same_filled(va, &word) )
        return false;

    leaf->kind = word ? MC_KIND_SAME : MC_KIND_ZERO;
    leaf->payload = 0;

    return !word || mc_pattern_pack(word, &leaf->payload);
}

/* What is to become of a page: fills @leaf, or says why it stays. */
static int encode(struct domain *d, const struct mc_page *p,
                  enum mc_urgency urgency, struct mc_leaf *leaf,
                  unsigned int *len)
{
    struct mem_compress *mc = d->mem_compress;
    struct mc_cpu *cpu = this_cpu(mc_cpu);
    /* The toolstack may be about to choose another one. */
    enum mc_codec codec = ACCESS_ONCE(mc->codec);
    void *va = __map_domain_page(p->page);
    mc_handle_t handle;
    uint64_t t0;
    int rc;

    arch_mc_clean_out(va);

    if ( mc_needs_no_store(d, va, leaf) )
    {
        unmap_domain_page(va);
        return 0;
    }

    t0 = mc_ticks();
    /* No codec for what would have no place. */
    rc = mc_store_is_full(d) ? -EBUSY
                              : mc_compress(codec, va, cpu->out, MC_MAX_OBJECT,
                                            len, cpu->wrkmem);
    unmap_domain_page(va);
    if ( rc )
        return rc;
    mc_hist(mc, XEN_MEM_COMPRESS_H_encode, mc_ticks() - t0);

    rc = store_object(mc, p->gfn, cpu->out, *len, codec, urgency, &handle);
    if ( !rc )
    {
        leaf->kind = MC_KIND_OBJECT;
        leaf->payload = handle;
    }

    return rc;
}

static bool compress_one(const struct mc_reclaim *r, const struct mc_page *p)
{
    struct domain *d = r->d;
    struct mem_compress *mc = d->mem_compress;
    struct mc_leaf leaf = { .kind = MC_KIND_DISCARDED };
    uint64_t t0 = mc_ticks();
    unsigned int len = 0;
    int rc = r->discard ? 0
                        : encode(d, p, r->frameless ? MC_FOR_RECLAIM
                                                    : MC_FOR_STORE, &leaf,
                               &len);

    if ( rc )
    {
        uint8_t *age = mc_age_of(&mc->p2m, p->gfn);
        bool rejected = rc == -E2BIG;

        if ( rejected )
        {
            mc_count(&mc->rejected, 1);
            if ( age )
                mc_age_update(age, mc_age_reject);
        }
        else
            mc_count(&mc->no_memory, 1);
        /*
         * Whatever was rejected has not been accessed since.  With the flag
         * set the next sweep would take that for content to be tried anew.
         * Want of memory says nothing about the page.
         */
        arch_mc_cancel(d, p, !rejected && p->accessed);
        mc_trace(d, TRC_MEM_COMPRESS_REJECT, p->gfn, NULL, 0, rc);

        return false;
    }

    mc_inject_delay();
    rc = arch_mc_commit(d, p, &leaf);
    if ( rc )
    {
        if ( leaf.kind == MC_KIND_OBJECT )
            mc_free_object(d, leaf.payload);
        mc_trace(d, TRC_MEM_COMPRESS_REJECT, p->gfn, &leaf, 0, rc);

        return false;
    }

    mc_trace(d, TRC_MEM_COMPRESS_COMMIT, p->gfn, &leaf, 0, len);
    /* What is only given up is cheap, and would make it look so. */
    if ( !r->discard )
        mc_hist(mc, XEN_MEM_COMPRESS_H_compress, mc_ticks() - t0);

    return true;
}

bool mc_reclaim_wants(const struct mc_reclaim *r, gfn_t gfn)
{
    const uint8_t *age = mc_age_of(&r->d->mem_compress->p2m, gfn);

    if ( !age || (r->settled && mc_age_fresh(*age)) )
        return false;

    return r->discard ? !mc_age_excluded(*age)
                      : mc_age_eligible(*age, r->min_age);
}

/* What is given up is not stored, and not counted. */
static bool quota_used_up(const struct mc_reclaim *r)
{
    const struct mc_p2m *mc = &r->d->mem_compress->p2m;

    return !r->discard && mc->max_compressed &&
           mc_compressed(mc) >= mc->max_compressed;
}

/* One page that was nominated. */
static void take(struct mc_reclaim *r, const struct mc_page *p)
{
    r->tried++;
    mc_trace(r->d, TRC_MEM_COMPRESS_NOMINATE, p->gfn, NULL, 0, 0);
    if ( quota_used_up(r) )
    {
        arch_mc_cancel(r->d, p, true);
        mc_trace(r->d, TRC_MEM_COMPRESS_REJECT, p->gfn, NULL, 0, -EBUSY);
    }
    else
        r->done += compress_one(r, p);
}

int mc_reclaim_flush(struct mc_reclaim *r)
{
    unsigned int i = 0, nr = r->nr, left = r->max ?: nr;
    bool preempted = false;

    if ( !nr )
        return 0;

    r->nr = 0;

    /* Nominated for nothing, each page would cost a share of a TLB flush. */
    if ( quota_used_up(r) )
        return 0;

    while ( i < nr && left && !preempted )
    {
        unsigned int end = i + arch_mc_nominate(r->d, &r->batch[i], nr - i,
                                                left, r->discard);

        mc_inject_delay();

        for ( ; i < end && !preempted; i++ )
            if ( r->batch[i].page )
            {
                left--;
                take(r, &r->batch[i]);
                preempted = mc_preempted();
            }

        if ( i < end )
            arch_mc_undo(r->d, &r->batch[i], end - i);
        /* Blocks that are split for nothing take long, too. */
        else if ( i < nr && !preempted )
            preempted = mc_preempted();
    }

    /*
     * Rather now than have it grow; not while somebody waits, for the CPU or,
     * being a guest, for a frame.
     */
    if ( preempted )
        mc_store_tidy_soon(r->d->mem_compress);
    else if ( !r->direct )
        mc_store_tidy(r->d);

    if ( i == nr )
        return 0;

    r->cursor = r->batch[i].cursor;

    return -ERESTART;
}

int mc_reclaim_add(struct mc_reclaim *r, gfn_t gfn, uint64_t cursor)
{
    unsigned int i;

    /* Two mappings of one page in a batch would be nominated once only. */
    for ( i = 0; i < r->nr; i++ )
        if ( gfn_eq(r->batch[i].gfn, gfn) )
            return 0;

    r->batch[r->nr].gfn = gfn;
    r->batch[r->nr++].cursor = cursor;

    return r->nr == MC_BATCH ? mc_reclaim_flush(r) : 0;
}

void mc_ages(const struct domain *d, struct mc_age_hist *h)
{
    uint64_t older = 0, resident = domain_tot_pages(d);
    unsigned int age;

    *h = d->mem_compress->p2m.ages_now;
    for ( age = 1; age <= MC_AGE_MAX; age++ )
        older += h->n[age];
    h->n[0] = resident > older ? resident - older : 0;
}

unsigned int mc_reclaim_age(const struct domain *d, unsigned int min_age,
                            uint64_t wanted)
{
    struct mc_age_hist h;

    if ( !wanted )
        return min_age;

    mc_ages(d, &h);

    return max(min_age, mc_age_threshold(&h, wanted));
}

bool mc_reclaim_round(struct mc_reclaim *r, struct mc_hand *h, unsigned int nr,
                      unsigned int max)
{
    const struct mc_p2m *mc = &r->d->mem_compress->p2m;
    uint64_t before = r->done, resident = 0;
    unsigned int known = 0;

    r->min_age = h->age;
    r->max = max;

    /* Never as many as make up a batch. */
    for ( ; nr && r->nr < MC_BATCH - 1 && h->looked < mc->nr_ages;
          nr--, h->looked++ )
    {
        gfn_t gfn;

        if ( h->index >= mc->nr_ages )
            h->index = known = 0;
        gfn = _gfn(mc->first_gfn + h->index++);
        if ( !known )
            known = arch_mc_residents(r->d, gfn, &resident);

        /* Most may be compressed already, or not be there at all. */
        if ( (resident & 1) && mc_reclaim_wants(r, gfn) )
            mc_reclaim_add(r, gfn, h->looked);
        resident >>= 1;
        known--;
    }
    if ( mc_reclaim_flush(r) )
        mc_hand_back(h, r->cursor, mc->nr_ages);
    h->taken += r->done - before;

    return h->looked >= mc->nr_ages;
}

/*
 * How much of it in one fault.  A page costs its codec, up to some 60 000
 * instructions, looking at the age of one that is resident some forty, and
 * ageing it about eighty.
 */
#define DIRECT_PAGES    4U
#define DIRECT_LOOK     1024U
#define DIRECT_SWEEP    512U

bool mc_reclaim_direct(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;
    struct mc_reclaim r = { .d = d, .direct = true, .frameless = true };
    struct mc_hand hand;
    bool round, again = true;

    if ( mc->p2m.off || !mc_begin(d) )
        return false;

    mc_count(&mc->reclaims, 1);

    /* Several vCPUs of the domain may be here: each has a look of its own. */
    hand = mc->direct;
    if ( !hand.age )
        hand.age = MC_AGE_MAX;

    round = mc_reclaim_round(&r, &hand, DIRECT_LOOK, DIRECT_PAGES);

    /*
     * Not younger than one sweep: what was restored, or accessed, since is
     * what an instruction that needs several pages at once has just got, and
     * taking these in turns it would never be executed.
     */
    if ( round && !mc_hand_again(&hand, 1) )
    {
        /*
         * Nothing is old enough, so that has to change, be there sweeps by
         * the clock or not.  This cannot make old what the instruction that
         * faults needs: whenever it is tried again it accesses all of that,
         * and two sweeps without an access in between are wanted.
         */
        arch_mc_sweep(d, &mc->p2m.lap, DIRECT_SWEEP, true);
        again = false;
    }
    mc->direct = hand;

    mc_end(d);

    /* Each page is looked at once a round, so this comes to an end. */
    return r.done || again;
}

static bool cf_check move_object(void *ctx, uint64_t gfn, mc_handle_t from,
                                 mc_handle_t to)
{
    return !mc_inject() && arch_mc_move(ctx, _gfn(gfn), from, to);
}

/* Objects moved in one go: fewer, and a page of small ones is never begun. */
#define TIDY_BUDGET     100U

void mc_store_tidy(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;
    void *pages[4 * MC_CHAIN_MAX];
    unsigned int nr, moved = 0;

    /* Without its lock: it does no harm if this is wrong. */
    if ( !mc_store_is_sparse(&mc->store) )
        return;

    arch_mc_lock(d);
    spin_lock(&mc->lock);
    nr = mc_store_compact(&mc->store, TIDY_BUDGET, move_object, d, pages,
                          ARRAY_SIZE(pages), &moved);
    spin_unlock(&mc->lock);
    arch_mc_unlock(d);

    mc_count(&mc->moved, moved);
    mc_free_store_pages(pages, nr);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
