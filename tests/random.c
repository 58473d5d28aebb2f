/* The splitmix64 generator and the draws the tests make from it. */
#include "random.h"

uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t random_between(struct random *random, size_t lo, size_t hi)
{
    return lo + (size_t)(random_next(random) % (hi - lo + 1));
}

bool random_chance(struct random *random, unsigned percent)
{
    return random_between(random, 0, 99) < percent;
}

size_t random_pick(struct random *random, const size_t *choices, size_t count)
{
    return choices[random_between(random, 0, count - 1)];
}

void random_fill(struct random *random, float *values, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        values[i] = (float)(random_next(random) >> 40) / 8388608.0f - 1.0f;
}

void random_fill_integers(struct random *random, float *values, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        values[i] = (float)random_between(random, 0, 6) - 3.0f;
}
