/* Activations, gates and sums of values that are known within a bound. An activation multiplies the
 * bound by its Lipschitz constant and adds 8 units in the last place of its own. */
#include "testing.h"

#include "loose.h"

#include <float.h>
#include <math.h>

static const double eps = (double)FLT_EPSILON, function_ulps = 8;

struct loose loose_activate(const atrous_conv *conv, struct loose v)
{
    struct loose to = v;

    switch (conv->activation) {
    case ATROUS_ACTIVATION_RELU:
        to.value = fmax(v.value, 0);
        break;
    case ATROUS_ACTIVATION_LEAKY_RELU:
        to.value = v.value < 0 ? conv->activation_low * v.value : v.value;
        to.error = v.error * fmax(1, fabs(conv->activation_low)) + eps * fabs(to.value);
        break;
    case ATROUS_ACTIVATION_SIGMOID:
        to.value = 1 / (1 + exp(-v.value));
        to.error = v.error / 4 + function_ulps * eps * to.value + (double)FLT_MIN;
        break;
    case ATROUS_ACTIVATION_TANH:
        to.value = tanh(v.value);
        to.error = v.error + function_ulps * eps * fabs(to.value) + (double)FLT_MIN;
        break;
    case ATROUS_ACTIVATION_CLAMP:
        to.value = fmin(fmax(v.value, conv->activation_low), conv->activation_high);
        break;
    default:
        assert_int_equal(conv->activation, ATROUS_ACTIVATION_NONE);
    }
    return to;
}

struct loose loose_gate(struct loose a, struct loose b)
{
    const struct loose t = loose_activate(&(atrous_conv){.activation = ATROUS_ACTIVATION_TANH}, a);
    const struct loose s =
        loose_activate(&(atrous_conv){.activation = ATROUS_ACTIVATION_SIGMOID}, b);
    const double value = t.value * s.value;

    return (struct loose){value, fabs(t.value) * s.error + fabs(s.value) * t.error +
                                     s.error * t.error + eps * fabs(value) + (double)FLT_MIN};
}

struct loose loose_sum(struct loose a, struct loose b)
{
    const double value = a.value + b.value, error = a.error + b.error;

    return (struct loose){value, error + eps * (fabs(value) + error)};
}

struct loose loose_times(double factor, struct loose v)
{
    const double value = factor * v.value;

    return (struct loose){value, fabs(factor) * v.error +
                                     eps * (fabs(value) + fabs(factor) * v.error) +
                                     (double)FLT_MIN};
}
