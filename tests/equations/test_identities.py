"""Textbook identities: each derived, its printed form to the letter, its numbers at two random sizes.

The sheets are in examples/identities, with the numbers of the Matrix Cookbook beside the definitions.
"""

from pathlib import Path

import numpy as np
import pytest

import chainrule
from chainrule.equations import Equations
from equations.complex_steps import close, jacobian

SHEETS = Path(__file__).parents[2] / "examples" / "identities"
# A tall Y: R[m, k], so that Yᵀ Y has an inverse.
SIZES = ({"m": 5, "n": 3, "p": 4, "k": 2, "q": 6}, {"m": 6, "n": 4, "p": 2, "k": 3, "q": 5})
POSITIVE = {"chains": ("r",)}
IDENTITIES = {
    "traces": (
        ("trace_of_matrix", "X", 1, "dtrace_of_matrix/dX = I"),
        ("trace_of_product", "X", 1, "dtrace_of_product/dX = Cᵀ"),
        ("trace_between", "Y", 1, "dtrace_between/dY = Aᵀ Gᵀ"),
        ("trace_transposed_between", "Y", 1, "dtrace_transposed_between/dY = B E"),
        ("trace_inner_product", "Z", 1, "dtrace_inner_product/dZ = A"),
        ("trace_of_square", "X", 1, "dtrace_of_square/dX = 2 Xᵀ"),
        ("trace_of_square_times", "X", 1, "dtrace_of_square_times/dX = Cᵀ Xᵀ + Xᵀ Cᵀ"),
        ("trace_of_sandwich", "Y", 1, "dtrace_of_sandwich/dY = (C + Cᵀ) Y"),
        ("trace_of_outer_sandwich", "Z", 1, "dtrace_of_outer_sandwich/dZ = Z (C + Cᵀ)"),
        ("trace_twice", "X", 1, "dtrace_twice/dX = Cᵀ Xᵀ Dᵀ + Dᵀ Xᵀ Cᵀ"),
        ("trace_of_gram", "Y", 1, "dtrace_of_gram/dY = 2 Y"),
        ("trace_weighted_sandwich", "Y", 1, "dtrace_weighted_sandwich/dY = C Y H + Cᵀ Y Hᵀ"),
        ("trace_of_residual", "Y", 1, "dtrace_of_residual/dY = 2 Aᵀ (A Y H - E) Hᵀ"),
        ("trace_of_cube", "X", 1, "dtrace_of_cube/dX = 3 Xᵀ Xᵀ"),
        ("trace_of_fourth_power", "Y", 1, "dtrace_of_fourth_power/dY = 2 (C Y Yᵀ C + Cᵀ Y Yᵀ Cᵀ) Y"),
        ("trace_of_sandwich", "Y", 2, "d²trace_of_sandwich/dY²[i,j,k,l] = (C + Cᵀ)[i,k] δ[j,l]"),
        ("trace_of_square", "X", 2, "d²trace_of_square/dX²[i,j,k,l] = 2 δ[i,l] δ[j,k]"),
        ("trace_of_gram", "Y", 2, "d²trace_of_gram/dY²[i,j,k,l] = 2 δ[i,k] δ[j,l]"),
        ("trace_there_and_back", "Y", 1, "dtrace_there_and_back/dY = Aᵀ Bᵀ Y Hᵀ + B A Y H"),
        (
            "trace_there_and_back",
            "Y",
            2,
            "d²trace_there_and_back/dY²[i,j,k,l] = (Aᵀ Bᵀ)[i,k] H[j,l] + (B A)[i,k] H[l,j]",
        ),
        ("trace_of_cube_times", "X", 1, "dtrace_of_cube_times/dX = (Cᵀ Xᵀ + Xᵀ Cᵀ) Xᵀ + Xᵀ Xᵀ Cᵀ"),
        ("squared_trace", "X", 1, "dsquared_trace/dX = 2 tr(X) I"),
        ("squared_trace", "X", 2, "d²squared_trace/dX²[i,j,k,l] = 2 δ[i,j] δ[k,l]"),
        ("trace_twice", "X", 2, "d²trace_twice/dX²[i,j,k,l] = D[j,k] C[l,i] + C[j,k] D[l,i]"),
    ),
    "quadratic_forms": (
        ("linear_form", "x", 1, "dlinear_form/dx = b"),
        ("bilinear_form", "X", 1, "dbilinear_form/dX = a bᵀ"),
        ("square_of_linear_form", "x", 1, "dsquare_of_linear_form/dx = 2 (bᵀ x) b"),
        ("square_of_linear_form", "x", 2, "d²square_of_linear_form/dx² = 2 b bᵀ"),
        ("quadratic_form", "x", 1, "dquadratic_form/dx = (A + Aᵀ) x"),
        ("quadratic_form", "x", 2, "d²quadratic_form/dx² = A + Aᵀ"),
        ("affine_quadratic", "x", 1, "daffine_quadratic/dx = (A + Aᵀ) x + b"),
        ("product_of_affine", "x", 1, "dproduct_of_affine/dx = Dᵀ Cᵀ (B x + a) + Bᵀ C (D x + c)"),
        ("product_of_affine", "x", 2, "d²product_of_affine/dx² = Dᵀ Cᵀ B + Bᵀ C D"),
        ("gram_form", "X", 1, "dgram_form/dX = X (g bᵀ + b gᵀ)"),
        ("weighted_gram_form", "X", 1, "dweighted_gram_form/dX = W X g bᵀ + Wᵀ X b gᵀ"),
        ("residual_form", "X", 1, "dresidual_form/dX = (W + Wᵀ) (X b + a) bᵀ"),
        ("least_squares", "s", 1, "dleast_squares/ds = 2 Cᵀ (C s - v)"),
        ("least_squares", "s", 2, "d²least_squares/ds² = 2 Cᵀ C"),
        ("least_squares", "C", 1, "dleast_squares/dC = 2 (C s - v) sᵀ"),
        ("weighted_least_squares", "s", 1, "dweighted_least_squares/ds = Cᵀ (W + Wᵀ) (C s - v)"),
        ("weighted_least_squares", "s", 2, "d²weighted_least_squares/ds² = Cᵀ (W + Wᵀ) C"),
        ("rayleigh_quotient", "x", 1, "drayleigh_quotient/dx = (1/‖x‖²) (A + Aᵀ) x - (2/‖x‖⁴) (xᵀ A x) x"),
        ("ridge", "s", 1, "dridge/ds = Cᵀ (C s - v) + 3 s"),
        ("ridge", "s", 2, "d²ridge/ds² = Cᵀ C + 3 I"),
        ("affine_quadratic", "x", 2, "d²affine_quadratic/dx² = A + Aᵀ"),
        ("weighted_least_squares", "C", 1, "dweighted_least_squares/dC = (W + Wᵀ) (C s - v) sᵀ"),
        ("gram_form", "X", 2, "d²gram_form/dX²[i,j,k,l] = δ[i,k] (b gᵀ + g bᵀ)[j,l]"),
        ("cubic_form", "A", 1, "dcubic_form/dA = (b (A g)ᵀ + Aᵀ b gᵀ) Aᵀ + Aᵀ Aᵀ b gᵀ"),
        ("quotient_of_forms", "x", 1, "dquotient_of_forms/dx = (2/‖D x‖²) Bᵀ B x - (2/‖D x‖⁴) ‖B x‖² Dᵀ D x"),
        ("log_of_form", "x", 1, "dlog_of_form/dx = (2/(1 + ‖B x‖²)) Bᵀ B x"),
        ("product_of_forms", "x", 1, "dproduct_of_forms/dx = (bᵀ x) (A + Aᵀ) x + (xᵀ A x) b"),
        (
            "product_of_forms",
            "x",
            2,
            "d²product_of_forms/dx² = (bᵀ x) (A + Aᵀ) + (A + Aᵀ) x bᵀ + b xᵀ (A + Aᵀ)",
        ),
    ),
    "norms": (
        ("distance", "x", 1, "ddistance/dx = (1/‖x - a‖) (x - a)"),
        ("distance", "x", 2, "d²distance/dx² = (1/‖x - a‖) I - (1/‖x - a‖³) (x - a) (x - a)ᵀ"),
        ("squared_norm", "x", 1, "dsquared_norm/dx = 2 x"),
        ("squared_norm", "x", 2, "d²squared_norm/dx² = 2 I"),
        ("squared_frobenius_norm", "X", 1, "dsquared_frobenius_norm/dX = 2 X"),
        ("squared_frobenius_norm", "X", 2, "d²squared_frobenius_norm/dX²[i,j,k,l] = 2 δ[i,k] δ[j,l]"),
        ("frobenius_norm", "X", 1, "dfrobenius_norm/dX = (1/‖X‖) X"),
        ("unit_vector", "x", 1, "dunit_vector/dx = (1/‖x‖) I - (1/‖x‖³) x xᵀ"),
        ("cosine", "x", 1, "dcosine/dx = (1/‖a‖) ((1/‖x‖) a - (1/‖x‖³) (xᵀ a) x)"),
        ("absolute_sum", "x", 1, "dabsolute_sum/dx = sign(x)"),
        ("factorisation", "U", 1, "dfactorisation/dU = 2 (U Vᵀ - T) V"),
        ("factorisation", "V", 1, "dfactorisation/dV = 2 (U Vᵀ - T)ᵀ U"),
        ("factorisation", "U", 2, "d²factorisation/dU²[i,j,k,l] = 2 δ[i,k] (Vᵀ V)[j,l]"),
        ("smooth_absolute", "x", 1, "dsmooth_absolute/dx = x / sqrt(1 + x⊙x)"),
        (
            "smooth_absolute",
            "x",
            2,
            "d²smooth_absolute/dx² = diag(1 / sqrt(1 + x⊙x) - (x ⊙ x) / (1 + x⊙x)^(3/2))",
        ),
        ("huber", "x", 1, "dhuber/dx = where(abs(x - a) ≤ 1, x - a, sign(x - a))"),
        ("huber", "x", 2, "d²huber/dx² = diag([abs(x - a) ≤ 1])"),
        ("largest", "x", 1, "dlargest/dx = e_argmax(x)"),
        ("hinge", "x", 1, "dhinge/dx = -(a ⊙ step(1 - x ⊙ a))"),
        ("fourth_power", "x", 1, "dfourth_power/dx = ‖x‖² x"),
        ("fourth_power", "x", 2, "d²fourth_power/dx² = ‖x‖² I + 2 x xᵀ"),
        ("sum_of_row_norms", "X", 1, "dsum_of_row_norms/dX = diag(1 / sqrt((X⊙X) 𝟏)) X"),
        ("masked_factorisation", "U", 1, "dmasked_factorisation/dU = (X ⊙ (X ⊙ (U Vᵀ) - T)) V"),
        ("linear_least_squares", "B", 1, "dlinear_least_squares/dB = Aᵀ (A B - T)"),
        ("linear_least_squares", "B", 2, "d²linear_least_squares/dB²[i,j,k,l] = (Aᵀ A)[i,k] δ[j,l]"),
        (
            "frobenius_norm",
            "X",
            2,
            "d²frobenius_norm/dX²[i,j,k,l] = δ[i,k] δ[j,l] / ‖X‖ - X[i,j] X[k,l] / ‖X‖³",
        ),
    ),
    "determinants_and_inverses": (
        ("determinant", "X", 1, "ddeterminant/dX = determinant X⁻ᵀ"),
        ("determinant_between", "X", 1, "ddeterminant_between/dX = determinant_between X⁻ᵀ"),
        (
            "determinant_of_sandwich",
            "Y",
            1,
            "ddeterminant_of_sandwich/dY = determinant_of_sandwich (S Y (Yᵀ S Y)⁻¹ + Sᵀ Y (Yᵀ S Y)⁻ᵀ)",
        ),
        ("log_determinant", "X", 1, "dlog_determinant/dX = X⁻ᵀ"),
        ("log_determinant", "X", 2, "d²log_determinant/dX²[i,j,k,l] = -X⁻ᵀ[i,l] X⁻¹[j,k]"),
        ("log_determinant_of_gram", "Y", 1, "dlog_determinant_of_gram/dY = 2 Y (Yᵀ Y)⁻¹"),
        (
            "log_determinant_of_sandwich",
            "Y",
            1,
            "dlog_determinant_of_sandwich/dY = S Y (Yᵀ S Y)⁻¹ + Sᵀ Y (Yᵀ S Y)⁻ᵀ",
        ),
        ("determinant_of_square", "X", 1, "ddeterminant_of_square/dX = 2 determinant_of_square X⁻ᵀ"),
        ("inverse_matrix", "X", 1, "dinverse_matrix/dX[i,j,k,l] = -inverse_matrix[i,k] inverse_matrix[l,j]"),
        ("inverse_form", "X", 1, "dinverse_form/dX = -X⁻ᵀ a bᵀ X⁻ᵀ"),
        ("determinant_of_inverse", "X", 1, "ddeterminant_of_inverse/dX = -determinant_of_inverse X⁻ᵀ"),
        ("trace_of_inverse", "X", 1, "dtrace_of_inverse/dX = -(X + A)⁻ᵀ (X + A)⁻ᵀ"),
        ("trace_of_inverse_product", "X", 1, "dtrace_of_inverse_product/dX = -X⁻ᵀ Aᵀ Bᵀ X⁻ᵀ"),
        ("gaussian", "X", 1, "dgaussian/dX = (1/2) X⁻ᵀ - (1/2) X⁻ᵀ (x - μ) (x - μ)ᵀ X⁻ᵀ"),
        ("gaussian", "mu", 1, "dgaussian/dμ = (1/2) (X⁻¹ + X⁻ᵀ) (μ - x)"),
        ("gaussian", "mu", 2, "d²gaussian/dμ² = (1/2) (X⁻¹ + X⁻ᵀ)"),
        (
            "trace_of_inverse_sandwich",
            "Y",
            1,
            "dtrace_of_inverse_sandwich/dY = -S Y (Yᵀ S Y)⁻¹ H (Yᵀ S Y)⁻¹ - Sᵀ Y (Yᵀ S Y)⁻ᵀ Hᵀ (Yᵀ S Y)⁻ᵀ",
        ),
        ("resolvent", "X", 1, "dresolvent/dX = -(X + I)⁻ᵀ a aᵀ (X + I)⁻ᵀ"),
        (
            "determinant",
            "X",
            2,
            "ddeterminant/dX = determinant X⁻ᵀ\n"
            "d²determinant/dX²[i,j,k,l] = X⁻ᵀ[i,j] ddeterminant/dX[k,l] - determinant X⁻ᵀ[i,l] X⁻¹[j,k]",
        ),
        (
            "inverse_form",
            "X",
            2,
            "d²inverse_form/dX²[i,j,k,l] = (X⁻ᵀ a)[i] X⁻¹[j,k] (X⁻¹ b)[l] + X⁻ᵀ[i,l] (X⁻¹ b)[j] (X⁻ᵀ a)[k]",
        ),
        ("log_determinant_of_sandwich", "S", 1, "dlog_determinant_of_sandwich/dS = Y (Yᵀ S Y)⁻ᵀ Yᵀ"),
        ("log_determinant_of_affine", "X", 1, "dlog_determinant_of_affine/dX = Aᵀ (A X + B)⁻ᵀ"),
        (
            "log_determinant_of_affine",
            "X",
            2,
            "d²log_determinant_of_affine/dX²[i,j,k,l] = -(Aᵀ (A X + B)⁻ᵀ)[i,l] ((A X + B)⁻¹ A)[j,k]",
        ),
        (
            "trace_of_ratio",
            "Y",
            1,
            "dtrace_of_ratio/dY = (G - S Y (Yᵀ S Y)⁻¹ Yᵀ G) Y (Yᵀ S Y)⁻¹"
            " + (Gᵀ - Sᵀ Y (Yᵀ S Y)⁻ᵀ Yᵀ Gᵀ) Y (Yᵀ S Y)⁻ᵀ",
        ),
        ("projection", "Y", 1, "dprojection/dY = (S + Sᵀ - Y (Yᵀ Y)⁻¹ Yᵀ (S + Sᵀ)) Y (Yᵀ Y)⁻¹"),
        ("log_likelihood", "X", 1, "dlog_likelihood/dX = (1/2) X⁻ᵀ (Z - 𝟏 μᵀ)ᵀ (Z - 𝟏 μᵀ) X⁻ᵀ - (1/2) p X⁻ᵀ"),
        ("log_likelihood", "mu", 1, "dlog_likelihood/dμ = (1/2) (X⁻¹ + X⁻ᵀ) (Z - 𝟏 μᵀ)ᵀ 𝟏"),
        ("log_likelihood", "mu", 2, "d²log_likelihood/dμ² = -(1/2) p (X⁻¹ + X⁻ᵀ)"),
        ("steins_loss", "X", 1, "dsteins_loss/dX = A⁻ᵀ - X⁻ᵀ"),
        ("steins_loss", "X", 2, "d²steins_loss/dX²[i,j,k,l] = X⁻ᵀ[i,l] X⁻¹[j,k]"),
    ),
    "products": (
        ("hadamard_form", "Y", 1, "dhadamard_form/dY = diag(u) T diag(w)"),
        ("hadamard_square", "Y", 1, "dhadamard_square/dY = 2 (Y ⊙ T ⊙ T)"),
        ("hadamard_square", "Y", 2, "d²hadamard_square/dY²[i,j,k,l] = 2 (T⊙T)[i,j] δ[i,k] δ[j,l]"),
        ("hadamard_trace", "Y", 1, "dhadamard_trace/dY = 2 (Y ⊙ T)"),
        ("scaled_rows", "u", 1, "dscaled_rows/du = (Y ⊙ T) 𝟏"),
        ("diagonal_between", "W", 1, "ddiagonal_between/dW = 2 W diag(u)"),
        ("diagonal_between", "u", 1, "ddiagonal_between/du = (W⊙W)ᵀ 𝟏"),
        ("diagonal_of_product", "X", 1, "ddiagonal_of_product/dX = Xᵀ diag(u) + diag(u) Xᵀ"),
        ("quotient", "v", 1, "dquotient/dv = -(u / (v⊙v))"),
        ("quotient", "v", 2, "d²quotient/dv² = 2 diag(u / (v⊙v⊙v))"),
        ("elementwise_exponential", "u", 1, "delementwise_exponential/du = v ⊙ exp(u ⊙ v)"),
        ("elementwise_exponential", "u", 2, "d²elementwise_exponential/du² = diag(v ⊙ v ⊙ exp(u ⊙ v))"),
        ("kronecker_trace", "A", 1, "dkronecker_trace/dA = tr(B) I"),
        ("kronecker_with_itself", "A", 1, "dkronecker_with_itself/dA = 2 tr(A) I"),
        ("kronecker_norm", "K", 1, "dkronecker_norm/dK = 2 ‖M‖² K"),
        ("kronecker_log_determinant", "A", 1, "dkronecker_log_determinant/dA = p A⁻ᵀ"),
        ("kronecker_form", "K", 1, "dkronecker_form/dK = (zᵀ M f) w eᵀ"),
        ("kronecker_inverse", "A", 1, "dkronecker_inverse/dA = -tr(B⁻¹) A⁻ᵀ A⁻ᵀ"),
        ("kronecker_mixed", "K", 1, "dkronecker_mixed/dK = 2 ‖M‖² K"),
        ("kronecker_vectors", "e", 1, "dkronecker_vectors/de = I ⊗ f"),
        ("kronecker_vectors", "f", 1, "dkronecker_vectors/df = e ⊗ I"),
        ("hadamard_of_maps", "u", 1, "dhadamard_of_maps/du = diag(Q u) W + diag(W u) Q"),
        ("hadamard_of_gram", "Y", 1, "dhadamard_of_gram/dY = (X + Xᵀ) Y"),
        ("square_of_maps", "u", 1, "dsquare_of_maps/du = 2 T (w ⊙ (Tᵀ u))"),
        ("square_of_maps", "u", 2, "d²square_of_maps/du² = 2 T diag(w) Tᵀ"),
        ("diagonal_twice", "X", 1, "ddiagonal_twice/dX = 2 diag(u) X diag(v)"),
        ("diagonal_twice", "u", 1, "ddiagonal_twice/du = (X⊙X) v"),
        ("ratio_of_maps", "u", 1, "dratio_of_maps/du = Xᵀ (1 / (X v))"),
        ("ratio_of_maps", "X", 1, "dratio_of_maps/dX = (1 / (X v)) uᵀ - ((X u) / ((X v)⊙(X v))) vᵀ"),
        ("kronecker_square", "A", 1, "dkronecker_square/dA = 2 tr(B B) Aᵀ"),
        ("kronecker_determinant", "A", 1, "dkronecker_determinant/dA = p kronecker_determinant A⁻ᵀ"),
    ),
    "chains": (
        ("affine_layer", "x", 1, "daffine_layer/dx = W"),
        ("affine_layer", "W", 1, "daffine_layer/dW[i,j,k] = δ[i,j] x[k]"),
        ("tanh_layer", "x", 1, "dtanh_layer/dx = diag(1 - tanh_layer⊙tanh_layer) W"),
        ("tanh_layer", "W", 1, "dtanh_layer/dW[i,j,k] = (1 - tanh_layer⊙tanh_layer)[i] δ[i,j] x[k]"),
        ("sigmoid_layer", "x", 1, "dsigmoid_layer/dx = diag(sigmoid_layer ⊙ (1 - sigmoid_layer)) W"),
        ("two_layers", "x", 1, "dtwo_layers/dx = V diag(1 - tanh(W x)⊙tanh(W x)) W"),
        ("linear_network", "W", 1, "dlinear_network/dW = Vᵀ (V W x - c) xᵀ"),
        ("linear_network", "x", 2, "d²linear_network/dx² = Wᵀ Vᵀ V W"),
        ("log_partition", "r", 1, "dlog_partition/dr = softmax(r)"),
        ("log_partition", "r", 2, "d²log_partition/dr² = diag(softmax(r)) - softmax(r) softmax(r)ᵀ"),
        (
            "softmax_vector",
            "r",
            1,
            "dsoftmax_vector/dr = diag(softmax_vector) - softmax_vector softmax_vectorᵀ",
        ),
        ("log_softmax_vector", "r", 1, "dlog_softmax_vector/dr = I - 𝟏 softmax(r)ᵀ"),
        ("softmax_loss", "r", 1, "dsoftmax_loss/dr = softmax(r) - t"),
        ("softmax_loss", "r", 2, "d²softmax_loss/dr² = diag(softmax(r)) - softmax(r) softmax(r)ᵀ"),
        (
            "softmax_expectation",
            "r",
            1,
            "dsoftmax_expectation/dr = (diag(softmax(r)) - softmax(r) softmax(r)ᵀ) c",
        ),
        ("row_partition", "F", 1, "drow_partition/dF = softmax(F, axis=1)"),
        ("log_loss", "h", 1, "dlog_loss/dh = σ(h) - y"),
        ("log_loss", "h", 2, "d²log_loss/dh² = diag(σ(h) ⊙ (1 - σ(h)))"),
        ("log_sigmoid_sum", "h", 1, "dlog_sigmoid_sum/dh = y ⊙ (1 - σ(h ⊙ y))"),
        ("softplus_sum", "h", 1, "dsoftplus_sum/dh = σ(h)"),
        ("geometric_mean", "r", 1, "dgeometric_mean/dr = (1/k) geometric_mean (1 / r)"),
        ("power_mean", "r", 1, "dpower_mean/dr = (1/sum(r^∘⁴)^(3/4)) (r⊙r⊙r)"),
        ("entropy_with_zero", "r", 1, "dentropy_with_zero/dr = -where(r > 0, 1 + log(r), 0)"),
        ("entropy_with_zero", "r", 2, "d²entropy_with_zero/dr² = -diag(where(r > 0, 1 / r, 0))"),
        ("swish", "h", 1, "dswish/dh = h ⊙ σ(h) ⊙ (1 - σ(h)) + σ(h)"),
        ("gaussian_kernel", "r", 1, "dgaussian_kernel/dr = gaussian_kernel (c - r)"),
        (
            "gaussian_kernel",
            "r",
            2,
            "dgaussian_kernel/dr = gaussian_kernel (c - r)\n"
            "d²gaussian_kernel/dr² = (c - r) dgaussian_kernel/drᵀ - gaussian_kernel I",
        ),
        ("scaled_tanh", "s", 1, "dscaled_tanh/ds = s (hᵀ (1 - tanh(s h)⊙tanh(s h))) + sum(tanh(s h))"),
        (
            "tempered_softmax",
            "r",
            1,
            "dtempered_softmax/dr = (1/s) (diag(tempered_softmax) - tempered_softmax tempered_softmaxᵀ)",
        ),
        (
            "tempered_softmax",
            "s",
            1,
            "dtempered_softmax/ds = (1/s²) (tempered_softmax tempered_softmaxᵀ - diag(tempered_softmax)) r",
        ),
        ("affine_partition", "x", 1, "daffine_partition/dx = Wᵀ softmax(W x + b)"),
        (
            "affine_partition",
            "x",
            2,
            "d²affine_partition/dx² = Wᵀ (diag(softmax(W x + b)) - softmax(W x + b) softmax(W x + b)ᵀ) W",
        ),
        ("affine_partition", "W", 1, "daffine_partition/dW = softmax(W x + b) xᵀ"),
        ("scaled_partition", "r", 1, "dscaled_partition/dr = softmax(r / s)"),
        ("scaled_partition", "s", 1, "dscaled_partition/ds = logsumexp(r / s) - (rᵀ softmax(r / s)) / s"),
        ("logistic_loss", "x", 1, "dlogistic_loss/dx = Wᵀ (σ(W x) - y)"),
        ("logistic_loss", "x", 2, "d²logistic_loss/dx² = Wᵀ diag(σ(W x) ⊙ (1 - σ(W x))) W"),
        ("poisson_loss", "x", 1, "dpoisson_loss/dx = Wᵀ (exp(W x) - y)"),
        ("poisson_loss", "x", 2, "d²poisson_loss/dx² = Wᵀ diag(exp(W x)) W"),
        ("divergence", "r", 1, "ddivergence/dr = softmax(r) - t"),
        ("attention", "r", 1, "dattention/dr = Fᵀ (diag(softmax(F r)) - softmax(F r) softmax(F r)ᵀ) F"),
        ("residual_block", "x", 1, "dresidual_block/dx = Wᵀ diag(1 - tanh(W x)⊙tanh(W x)) W + I"),
        (
            "gate",
            "x",
            1,
            "dgate/dx = diag(σ(W x) ⊙ (1 - tanh(M x)⊙tanh(M x))) M"
            " + diag(σ(W x) ⊙ tanh(M x) ⊙ (1 - σ(W x))) W",
        ),
        ("weighted_tanh", "x", 1, "dweighted_tanh/dx = Wᵀ (q ⊙ (1 - tanh(W x)⊙tanh(W x)))"),
        (
            "weighted_tanh",
            "x",
            2,
            "d²weighted_tanh/dx² = -2 Wᵀ diag(q ⊙ tanh(W x) ⊙ (1 - tanh(W x)⊙tanh(W x))) W",
        ),
        ("cauchy_loss", "h", 1, "dcauchy_loss/dh = 2 ((h - y) / (1 + (h - y)⊙(h - y)))"),
    ),
}
CASES = [(topic, *case) for topic, cases in IDENTITIES.items() for case in cases]


def sheet(topic):
    return Equations((SHEETS / f"{topic}.eqs").read_text())


def values_of(topic, model, sizes, rng):
    values = {}
    for name, declaration in model.sheet.declarations.items():
        shape = [sizes[size] for size in declaration.axes]
        if declaration.domain == "simplex":
            values[name] = rng.dirichlet(np.ones(shape[0]))
        elif name in POSITIVE.get(topic, ()):
            values[name] = rng.uniform(0.2, 2, shape)
        else:
            values[name] = np.asarray(rng.normal(size=shape))
    return values


def hessian(model, of, wrt, values, sizes):
    """Central differences of the gradient by the complex step: nothing of it is derived."""
    at, step = values[wrt], 1e-5
    columns = []
    for place in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[place] += step
        behind[place] -= step
        sides = [jacobian(model, of, wrt, {**values, wrt: moved}, sizes) for moved in (ahead, behind)]
        columns.append((sides[0] - sides[1]) / (2 * step))
    return np.stack(columns, axis=-1).reshape(at.shape * 2)


# The same rule with other letters, a transposed twin, or a sum of two others: these do not count.
VARIANTS = {
    *("trace_of_product", "trace_transposed_between", "trace_inner_product", "trace_of_outer_sandwich"),
    *("affine_quadratic", "squared_frobenius_norm", "squared_norm", "linear_least_squares"),
    *("kronecker_mixed", "hadamard_trace", "softplus_sum", "divergence", "sigmoid_layer"),
}


def test_there_are_a_hundred_without_variants_and_each_of_the_sheets_is_held():
    derived = {(topic, of) for topic, of, *_ in CASES}
    defined = {(topic, name) for topic in IDENTITIES for name in sheet(topic).sheet.definitions}
    assert derived == defined
    names = {name for _, name in derived}
    assert names > VARIANTS
    assert len(names - VARIANTS) >= 100
    assert {path.stem for path in SHEETS.glob("*.eqs")} == set(IDENTITIES)


@pytest.mark.parametrize(
    ("topic", "of", "wrt", "order", "printed"),
    CASES,
    ids=[f"{of}-{wrt}-{order}" for _, of, wrt, order, _ in CASES],
)
def test_identity(topic, of, wrt, order, printed):
    model = sheet(topic)
    derivation = model.derive(of, wrt, order=order)
    assert str(derivation) == printed
    back = Equations(derivation.sheet())
    last = f"d{of}_d{wrt}" if order == 1 else f"d2{of}_d{wrt}_d{wrt}"
    for seed, every in enumerate(SIZES):
        sizes = {size: every[size] for size in model.sizes}
        values = values_of(topic, model, sizes, np.random.default_rng(seed))
        if order == 1:
            expected, tolerance = jacobian(model, of, wrt, values, sizes), 1e-9
            function = model.compile(f"d{of}/d{wrt}")
            given = {name: values[name] for name in function.inputs}
            close(function(**given, **{size: sizes[size] for size in function.sizes}), expected)
        else:
            expected, tolerance = hessian(model, of, wrt, values, sizes), 1e-6
        close(back.evaluate(last, values, sizes=sizes), expected, tolerance)


@pytest.mark.parametrize("topic", IDENTITIES)
def test_the_textbook_writes_the_same(topic):
    report = chainrule.check_claims(sheet(topic))
    assert sheet(topic).claims
    assert report, report
